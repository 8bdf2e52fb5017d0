import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { gb2312 } from '../../tables/han.ts';
import { normalise } from './normalise.ts';
import { TRACKS, syllables } from './tracks.ts';

const through = (track: Uint16Array, text: string) => String.fromCharCode(...normalise(text).map((unit) => track[unit]!));

describe('leet tracks', () => {
  it('read signs and digits as letters, and the strokes in both ways', () => {
    expect(through(TRACKS.leetI, 'h4ck5!73 p@$$ 1!')).toBe('hacksitepassii');
    expect(through(TRACKS.leetL, 'ki1!3r')).toBe('killer');
    expect(through(TRACKS.leetI, '０８７')).toBe('obt');
  });

  it('leave letters as they are', () => {
    fc.assert(fc.property(fc.stringMatching(/^[a-z\u4e00-\u9fa5\u0430-\u044f]+$/), (word) => {
      expect(through(TRACKS.leetI, word)).toBe(String.fromCharCode(...normalise(word)));
      expect(through(TRACKS.leetL, word)).toBe(String.fromCharCode(...normalise(word)));
    }));
  });
});

describe('pinyin track', () => {
  it.each([
    ['是', '四'], ['中', '宗'], ['超', '草'], ['女', '吕'], ['人', '楞'], ['王', '万'], ['京', '金'], ['湖', '福'], ['回', '飞'], ['黄', '方'],
    ['花', '发'], ['昏', '分'], ['輪', '论'], ['绿', '女'], ['冷', '嫩'], ['弹', '但'], ['藏', '葬'],
  ])('says %s like %s', (one, other) => {
    expect(through(TRACKS.pinyin, one)).toBe(through(TRACKS.pinyin, other));
  });

  it.each([['法', '他'], ['安', '恩'], ['鱼', '无'], ['高', '考'], ['吴', '福'], ['姑', '湖'], ['女', '努']])('tells %s from %s', (one, other) => {
    expect(through(TRACKS.pinyin, one)).not.toBe(through(TRACKS.pinyin, other));
  });

  it('gives every common character one unit of the private use area, and nothing else any', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const unit of normalise(text)) {
        const han = /\p{Script=Han}/u.test(String.fromCharCode(unit));
        const spoken = TRACKS.pinyin[unit]!;
        expect(spoken === unit || (han && spoken >= 0xe000 && spoken < 0xf900)).toBe(true);
      }
    }));
    const silent = gb2312(0xb0, 0xd7).filter((character) => TRACKS.pinyin[character.charCodeAt(0)]! < 0xe000);
    expect(silent).toEqual([]);
  });

  it('counts as syllables what is spoken as one, before and behind the track', () => {
    const plain = normalise('法轮gong 大法😀7');
    expect(syllables(plain)).toBe(4);
    expect(syllables(plain.map((unit) => TRACKS.pinyin[unit]!))).toBe(4);
    expect(syllables(normalise('falun カ한'))).toBe(1);
  });
});
