import { describe, expect, it } from '@jest/globals';
import { mediaTokens } from './media-bound.ts';

const base64 = (bytes: number): string => 'A'.repeat((bytes / 3) * 4);
const sound = (data: string, others: object = {}): { type: string } => ({ type: 'input_audio', input_audio: { data, format: 'wav', ...others } } as { type: string });
const file = (file_data: string, others: object = {}): { type: string } => ({ type: 'file', file: { file_data, filename: 'a', ...others } } as { type: string });
const picture = (image_url: unknown): { type: string } => ({ type: 'image_url', image_url } as { type: string });

describe('the bound of media', () => {
  it.each([
    ['a picture', picture({ url: 'https://pictures.example/a.png', detail: 'high' }), 49_152],
    ['a picture by its address alone', picture('https://pictures.example/a.png'), 49_152],
    ['a picture that is sent', picture({ url: 'data:image/png;base64,AAAA' }), 49_152],
    ['a text file', file(`data:text/plain;base64,${base64(900_000)}`), 900_018],
    ['data in text', file(`data:application/json; charset=utf-8;base64,${base64(900_000)}`), 900_033],
    ['a small text file', file('data:text/csv;base64,AAAA'), 4_096],
    ['a sound', sound(`UklGR${base64(1_200_000)}`), 75_001],
    ['a sound of a named type', sound(`data:audio/mpeg;base64,//u${base64(1_200_000)}`), 75_002],
  ])('is known of %s', (_what, part, most) => {
    expect(mediaTokens(part)).toEqual({ charged: 4_096, most });
  });

  it.each([
    ['a file that is packed', file('data:application/pdf;base64,AAAA')],
    ['a file of no known type', file('AAAA')],
    ['an address in place of a file', file('https://files.example/a.txt')],
    ['a file named beside data', file('data:text/plain;base64,AA', { file_id: 'file-1' })],
    ['an address beside a file', file('data:text/plain;base64,AA', { file_url: 'https://files.example/a.pdf' })],
    ['a file that lies elsewhere', { type: 'file', file: { file_id: 'file-1' } }],
    ['a file in place of a picture', picture({ url: 'data:application/pdf;base64,AAAA' })],
    ['an address without a scheme in place of a picture', picture({ url: 'x' })],
    ['an address in place of a sound', sound('https://sounds.example/a.wav')],
    ['an address that ends as data begin', sound('https://sounds.example/a.wav?;base64,')],
    ['an address of a sound without a scheme', sound('//sounds.example/a.wav')],
    ['an address beside a sound', sound('UklGRAAA', { url: 'https://sounds.example/a.wav' })],
    ['a sound that is packed', sound(`ZkxhQw${base64(30_000)}`)],
    ['a sound of another format', sound('UklGRAAA', { format: 'flac' })],
    ['a film', { type: 'video_url', video_url: { url: 'data:video/mp4;base64,AAAA' } }],
    ['nothing', { type: 'file' }],
  ])('is not known of %s', (_what, part) => {
    expect(mediaTokens(part)).toEqual({ charged: 4_096, most: undefined });
  });
});
