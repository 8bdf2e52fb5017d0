/**
 * Emoji that Chinese writers put for a character of the same meaning or sound: each line ends with what its emoji are
 * read as. Own list; emoji that stand for several words, or for something else than they show, are left out.
 */
const LINES = `
🐴🐎马 🐮🐂🐄牛 🐷🐖🐽猪 🐶🐕狗 🐱🐈猫 🐭🐁🐀鼠 🐯🐅虎 🐰🐇兔 🐲🐉龙 🐍蛇 🐑🐏🐐羊 🐒🐵猴 🐔🐓鸡 🦆鸭 🦢鹅 🐦鸟
🐟🐠鱼 🦐虾 🦀蟹 🐢龟 🐸蛙 🐻熊 🐘象 🦌鹿 🐺狼 🦊狐 🐝蜂 🐛虫 🔥火 💧水 🌳🌲树 🌿草 🌸🌺🌹🌷花 🍃叶 🪨石 🌙月
🌞日 ⭐🌟星 ☔雨 💨风 ⚡电 🌈虹 💰💵钱 🔪🗡刀 🔫枪 💊药 🚗🚙车 🚢⛵船 🚪门 🪑椅 🛏床 📖📚书 🖊笔 🥚蛋 🍚饭 🍜面
🥩🍖肉 🍺🍷🍶酒 🍵茶 🍬糖 🧂盐 🥬菜 🍉瓜 🍐梨 🍊橙 🌰栗 👂耳 👃鼻 👅舌 👀👁眼 🦷牙 ✋🖐手 🦶脚 🦵腿 🩸血 🧠脑
💩屎 👻鬼 👨男 👩女 😭哭 🆎ab 🆑cl 🆒cool 🆓free 🆔id 🆕new 🆖ng 🆗ok 🆘sos 🆙up 🆚vs
`;

/** Emoji -> what it is read as. */
export const EMOJI: ReadonlyMap<string, string> = new Map(
  LINES.trim().split(/\s+/).flatMap((line) => {
    const reading = line.replace(/\p{Emoji}/gu, '');
    return Array.from(line.slice(0, -reading.length), (emoji) => [emoji, reading] as const);
  }),
);
