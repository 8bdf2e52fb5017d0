import type { PiiType } from '../pii-type.ts';
import { ibanLength } from '../iban.ts';

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Makes personal data that nobody has, with valid checks, and what only looks like it. The checks are computed here a second time. */
export class PiiSamples {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  digits(count: number): string {
    return Array.from({ length: count }, () => this.below(10)).join('');
  }

  valid(type: PiiType): string {
    return this.#valid[type]();
  }

  /** Looks like the type and is not of it: a wrong check, a wrong length, an unknown issuer, or a part of something longer. */
  nearMiss(type: PiiType): string {
    return this.#nearMiss[type]();
  }

  /** Numbers and words of daily work that are no personal data. */
  harmless(): string {
    return this.pick([
      () => `ORD-2024-${this.digits(10)}`,
      () => `${1_600_000_000_000 + this.below(199_999_999_999)}`,
      () => this.uuid(),
      () => `${this.#luhn(`35${this.digits(12)}`)}`,
      () => `v${this.below(20)}.${this.below(20)}.${this.below(99)}`,
      () => `2024-0${1 + this.below(9)}-1${this.below(9)} 1${this.below(9)}:0${this.below(9)}:${10 + this.below(49)}`,
      () => `SN${this.digits(14)}`,
      () => `${this.digits(3)},${this.digits(3)}.${this.digits(2)}`,
      () => `@user${this.digits(4)}`,
      () => `sha256:${this.#hex(40)}`,
      () => `${this.digits(4)} ${this.digits(2)}`,
    ])();
  }

  uuid(): string {
    return [8, 4, 4, 4, 12].map((length) => this.#hex(length)).join('-');
  }

  #hex(length: number): string {
    return Array.from({ length }, () => this.below(16).toString(16)).join('');
  }

  #luhn(body: string): string {
    for (let check = 0; check < 10; check++) {
      const all = [...body, String(check)].reverse().map(Number);
      const sum = all.reduce((total, digit, i) => total + (i % 2 === 0 ? digit : Math.floor((digit * 2) / 10) + ((digit * 2) % 10)), 0);
      if (sum % 10 === 0) return body + String(check);
    }
    throw new Error('one of ten digits passes');
  }

  /** The same with its last digit changed. */
  #spoiled(number: string): string {
    const last = number.at(-1)!;
    const other = /\d/.test(last) ? String((Number(last) + 1 + this.below(8)) % 10) : '5';
    return number.slice(0, -1) + other;
  }

  #grouped(digits: string, separator = this.pick([' ', '-'])): string {
    return digits.replace(/(.{4})(?=.)/g, `$1${separator}`);
  }

  #name(): string {
    return this.pick(['li.wei', 'Anna-Maria', 'j_doe', 'bob+news', 'zhang.san88', 'k', 'first.middle.last', '13800138000', 'O_o', 'sales%eu']);
  }

  #host(): string {
    return this.pick(['example.com', 'mail.example.co.uk', 'qq.com', '163.com', 'a-b.org', 'sub.deep.example.io', 'münchen.de', 'example.xn--p1ai']);
  }

  #cnBody(): string {
    const area = this.pick(['110101', '310115', '440305', '510107', '320102', '330106', '420111', '610113', '352201', '653101', '222401', '469005', '810000']);
    const date = `${1950 + this.below(60)}${String(1 + this.below(12)).padStart(2, '0')}${String(1 + this.below(28)).padStart(2, '0')}`;
    return area + date + String(1 + this.below(999)).padStart(3, '0');
  }

  #cnId(): string {
    const body = this.#cnBody();
    const sum = [...body].reduce((total, digit, i) => total + Number(digit) * (2 ** (17 - i) % 11), 0);
    return body + '10X98765432'.charAt(sum % 11);
  }

  #iban(): string {
    const country = this.pick(['DE', 'GB', 'FR', 'NL', 'CH', 'MT', 'NO', 'SA', 'PL']);
    const length = ibanLength(country) - 4;
    const body = (country === 'GB' ? 'NWBK' : country === 'MT' ? 'MALT' : country === 'NL' ? 'ABNA' : '') + this.digits(30);
    const account = body.slice(0, length);
    const number = [...`${account}${country}00`].map((character) => parseInt(character, 36)).join('');
    return `${country}${String(98n - (BigInt(number) % 97n)).padStart(2, '0')}${account}`;
  }

  #uscc(): string {
    const alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY';
    const organisation = Array.from({ length: 9 }, () => this.pick([...alphabet])).join('');
    const body = this.pick(['91', '92', '12', '51', '93']) + this.pick(['110108', '440300', '310000', '330106']) + organisation;
    const sum = [...body].reduce((total, character, i) => total + alphabet.indexOf(character) * Number(3n ** BigInt(i) % 31n), 0);
    return body + alphabet.charAt((31 - (sum % 31)) % 31);
  }

  #mobile(): string {
    return `1${3 + this.below(7)}${this.digits(9)}`;
  }

  #phone(): string {
    const mobile = this.#mobile();
    const local = `${2 + this.below(6)}${this.digits(7)}`;
    const parts = [mobile.slice(0, 3), mobile.slice(3, 7), mobile.slice(7)];
    const exchange = `${2 + this.below(7)}${2 + this.below(7)}${this.below(10)}`;
    const american = [this.pick(['202', '212', '415', '617', '312', '206']), exchange, this.digits(4)] as const;
    return this.pick([
      mobile, mobile, parts.join('-'), parts.join(' '), `+86 ${parts.join(' ')}`, `+86${mobile}`, `0086-${mobile}`, `86-${mobile}`, `(+86)${mobile}`,
      `010-${local}`, `(021)${local}`, `0755 ${local}`, `020${local}`, `010-${local}-${1000 + this.below(9000)}`,
      `+1 (${american[0]}) ${american[1]}-${american[2]}`, american.join('-'), `(${american[0]}) ${american[1]}-${american[2]}`, `+1${american.join('')}`, american.join('.'),
      `+44 20 7946 0${this.digits(3)}`, `+44 (0)20 7946 0${this.digits(3)}`, `+49 30 ${2 + this.below(7)}${this.digits(6)}`, `+81-90-${1 + this.below(9)}${this.digits(3)}-${this.digits(4)}`,
      `+33 6 ${['12', '34', '56', '78'].map(() => this.digits(2)).join(' ')}`, `+65 9${this.digits(3)} ${this.digits(4)}`, `+852 9${this.digits(3)} ${this.digits(4)}`,
    ]);
  }

  #fullWidth(text: string): string {
    return [...text].map((digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0)).join('');
  }

  readonly #valid: Record<PiiType, () => string> = {
    email: () => `${this.#name()}@${this.#host()}`,
    phone: () => this.#phone(),
    cn_id: () => {
      const id = this.#cnId();
      const legacy = this.#cnBody().replace(/^(\d{6})\d\d/, '$1').replace(/^35/, '33');
      return this.pick([id, id, id.toLowerCase(), `${id.slice(0, 6)} ${id.slice(6, 14)} ${id.slice(14)}`, this.#fullWidth(id), legacy.startsWith('8') ? id : legacy]);
    },
    bank_card: () => {
      const number = this.#luhn(this.pick([`62${this.digits(13)}`, `62${this.digits(16)}`, `6228480${this.digits(11)}`, `955880${this.digits(12)}`, `436742${this.digits(12)}`]));
      return this.pick([number, number, this.#grouped(number), this.#grouped(number, ' ')]);
    },
    credit_card: () => {
      const number = this.#luhn(this.pick([`4${this.digits(14)}`, `5${1 + this.below(5)}${this.digits(13)}`, `2221${this.digits(11)}`, `6011${this.digits(11)}`, `3528${this.digits(11)}`]));
      const amex = this.#luhn(`37${this.digits(12)}`);
      return this.pick([number, number, this.#grouped(number), amex, `${amex.slice(0, 4)} ${amex.slice(4, 10)} ${amex.slice(10)}`, this.#luhn(`36${this.digits(11)}`)]);
    },
    iban: () => {
      const iban = this.#iban();
      return this.pick([iban, iban, iban.toLowerCase(), this.#grouped(iban, ' '), this.#grouped(iban, '-')]);
    },
    ip: () => this.pick([
      () => Array.from({ length: 4 }, () => this.below(256)).join('.'),
      () => Array.from({ length: 8 }, () => (4096 + this.below(61_000)).toString(16)).join(':'),
      () => `2001:db8::${1 + this.below(9)}${this.#hex(2)}`,
      () => `::ffff:10.0.${this.below(256)}.${this.below(256)}`,
    ])(),
    uscc: () => this.#uscc(),
  };

  readonly #nearMiss: Record<PiiType, () => string> = {
    email: () => this.pick(['someone@', '@example.com', 'a@b', 'user@@example.com', 'icon@2x.png', 'pkg@1.2.3', 'user@.com', 'user@host-.com', 'x @ example.com']),
    phone: () => this.pick([
      `12${this.digits(9)}`, `1${3 + this.below(7)}${this.digits(8)}`, `${this.#mobile()}${this.digits(1)}`, `ID${this.#mobile()}`, `${this.#mobile()}A`,
      `9${this.#mobile()}`, `NO-${this.#mobile()}`, `${this.digits(5)}-${this.#mobile()}`, `+999 ${this.digits(9)}`, `+86 12${this.digits(9)}`, this.uuid(), `${2000 + this.below(25)}-10-1${this.below(9)}`, `${this.digits(3)}-45-${this.digits(4)}`,
    ]),
    cn_id: () => {
      const id = this.#cnId();
      return this.pick([this.#spoiled(id), `99${id.slice(2)}`, `${id.slice(0, 10)}13${id.slice(12)}`, `${id}0`, `A${id}`, id.slice(0, 17), `${id.slice(0, 12)}32${id.slice(14)}`, this.#luhn(`35${this.digits(12)}`)]);
    },
    bank_card: () => {
      const number = this.#luhn(`62${this.digits(16)}`);
      return this.pick([this.#spoiled(number), this.#luhn(`1${this.digits(15)}`), this.#luhn(`7${this.digits(17)}`), this.#luhn(`62${this.digits(11)}`), `X${number}`, `${number}-${this.digits(4)}`]);
    },
    credit_card: () => {
      const number = this.#luhn(`4${this.digits(14)}`);
      return this.pick([this.#spoiled(number), this.#luhn(`9${this.digits(14)}`), this.#luhn(`35${this.digits(12)}`), `${number}-${this.digits(4)}`, `A${number}`, '0000000000000000', this.#luhn(`51${this.digits(12)}`)]);
    },
    iban: () => {
      const iban = this.#iban();
      return this.pick([this.#spoiled(iban), `XX${iban.slice(2)}`, iban.slice(0, -1), `${iban}1`, `${iban.slice(0, 2)}X${iban.slice(2)}`, this.#grouped(this.#spoiled(iban), ' ')]);
    },
    ip: () => this.pick(['256.1.1.1', '1.2.3', '1.2.3.4.5', '01.02.03.04', 'v1.2.3.4', '12:30:45', '00:1A:2B:3C:4D:5E', 'std::vector', '1:2:3:4:5:6:7', 'a::b', '1::2::3', '1.2.3.4a']),
    uscc: () => {
      const code = this.#uscc();
      return this.pick([this.#spoiled(code), `${code}1`, code.slice(1), `I${code.slice(1)}`, `${code.slice(0, 9)}-${code.slice(9)}`]);
    },
  };
}
