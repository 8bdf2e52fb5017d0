/** A text that says nothing of what is listed, though the letters or characters of it stand there. */
export interface HarmlessCase {
  readonly listed: string;
  readonly text: string;
  /** What an owner permits for it; undefined where the whole-word rule must suffice. */
  readonly allow?: string;
}

/** Listed word, then words that it stands in: found as a whole word only, it must not be found there. */
const WITHIN = `
ass: class glass grass pass bass mass assess asset assume assist assassin embarrass passport compass harass ambassador classic brass massage assembly
cunt: Scunthorpe
cock: cocktail peacock Hitchcock cockpit cockroach hancock shuttlecock cockatoo Babcock
dick: Dickens Dickinson Benedick dickens
tit: title institution Titan competition constitution gratitude stitch appetite petite titanium
cum: document cucumber circumstances accumulate cumulative incumbent cumin
sex: Essex Sussex Middlesex sextant sextet unisex Wessex
rape: grape drape scrape rapeseed trapeze draped
rapist: therapist therapists psychotherapist
hell: shell hello Michelle shellfish hellenic Rochelle eggshell seychelles
anal: analysis canal analogue banal analyst psychoanalysis
anus: manuscript Janus uranus tetanus
arse: parse coarse sparse arsenal Marseille parser hoarse
butt: butter button butterfly rebuttal buttress
homo: homogeneous homonym Thomond homologous
nig: night knight denigrate enigma
penis: Penistone
shit: Shitake ashitaba mishit
slut: Slutsk Slutskaya
spic: spice auspicious conspicuous despicable
suck: Suckling honeysuckle
tard: mustard custard retardant leotard bastardise
twat: Atwater saltwater nightwatch
wank: Wankel swanky Wankhede
cialis: specialist socialist specialisation commercialise
damn: damnation Vardamnia
fag: Fagin leafage fagus
gook: gobbledygookery
jap: jape Japan japonica
coon: raccoon cocoon tycoon
dyke: dykes Vandyke Thorndyke
paki: Pakistan pakistani
kike: kikes
bra: brass brain library abrasive
knob: knobbly
poof: spoofing
pube: puberty
puss: octopuss pussycat
hump: Humphrey humpback
crap: scrape scrap crapshoot
piss: Pissarro
tush: Tushar
boob: booby
smut: smutty transmute
screw: corkscrew screwdriver
lust: cluster illustrate bluster
porn: Pornic Pornichet
nude: denuded
orgy: Borgyn Georgy
semen: basement horsemen amusement casement
ho: house phone echo
xx: xxl maxx
`;

/** Phrases of letters that an owner permits. */
const PHRASES = `
cock: cock-a-doodle|Cock Lane|weather cock|cock robin
dick: Moby Dick|Dick Whittington|Philip K. Dick|spotted dick
tit: blue tit|great tit|tit for tat|coal tit
ass: pack ass|wild ass|ass's milk
sex: sex education|same-sex marriage|sex chromosome|fair sex
breasts: chicken breasts|duck breasts
virgin: Virgin Islands|virgin olive oil|Virgin Atlantic
hell: Hell's Kitchen|hell or high water
queer: queer theory|queer studies
bloody: Bloody Mary|Bloody Sunday
butt: water butt|butt joint|cigarette butt
kill: kill -9|kill the process|Kill Bill
bomb: bath bomb|bomb calorimeter
shoot: photo shoot|bamboo shoot
strip: comic strip|strip light|Gaza Strip
pussy: pussy willow|pussy cat
bitch: bitch wolf
dyke: Offa's Dyke|Dyke Road
`;

/** Listed word of Han characters, then phrases with it that an owner permits. */
const PERMITTED = `
口交: 路口交警 出口交易 进出口交货 窗口交费 人口交流 港口交通 门口交接
性交: 男性交流 异性交往 女性交警 理性交易 习惯性交谈 选择性交付 一次性交清 个性交友
阴道: 林阴道 绿阴道 山阴道上
毒品: 消毒品 有毒品种 防病毒品牌
大麻: 大麻烦 大麻雀 大麻袋 大麻花 大麻脸
台独: 舞台独唱 平台独立 电视台独家 月台独自 阳台独坐
自慰: 亲自慰问 独自慰劳 各自慰藉
杀人: 自杀人数 暗杀人员 宰杀人员
色情: 特色情境 角色情感 蓝色情人 黑色情绪 红色情怀
国军: 中国军队 我国军人 各国军事 外国军舰 德国军官
民运: 人民运动会 农民运输队 渔民运鱼 全民运动
性病: 男性病人 急性病症 慢性病人 流行性病毒 恶性病变
交配: 提交配置 外交配合 成交配额 递交配方
赌博: 打赌博士
妈的: 爸妈的 姑妈的 大妈的 舅妈的 干妈的
他妈: 他妈妈 吉他妈妈
我日: 我日常 我日后 我日记
日你: 今日你 生日你 节日你 周日你 假日你 平日你 明日你
操你: 体操你 早操你 广播操你
干你: 饼干你 树干你 若干你 能干你
尼玛: 尼玛县 阿尼玛卿山 加尼玛得
精液: 酒精液体 味精液态
下体: 地下体育馆 线下体验 月下体会 水下体重 私下体谅 门下体系
内射: 室内射击 国内射手 体内射线 境内射程
白粉: 蛋白粉 增白粉底 美白粉 蛋白粉末
性爱: 女性爱好者 男性爱美 天性爱玩 理性爱国
上访: 网上访问 线上访谈 早上访客 晚上访友 以上访谈
游行: 旅游行业 上游行业 下游行程 导游行程 郊游行装
示威: 展示威力 显示威望
反动: 反动作用力 相反动作
法会: 立法会 书法会 魔法会 办法会 司法会议 无法会面
大法: 最大法院 十大法则 伟大法官 强大法术
办证: 主办证书 举办证明 承办证券
代开: 近代开始 时代开端 现代开发 古代开国 年代开头
套现: 配套现有 手套现货 外套现价 成套现房
人流: 外国人流行 让人流泪 令人流连 主持人流利
代孕: 现代孕妇 古代孕妇
激情: 感激情谊 过激情绪
枪手: 手枪手柄 水枪手
黑社: 抹黑社会
强奸: 坚强奸商
奸: 汉奸 奸臣 作奸犯科
裸: 裸子植物 裸眼 裸机
六四: 三十六四舍五入 十六四十八
太子: 太子参 太太子女 太子港
卖肉: 外卖肉类 专卖肉饼 买卖肉牛
包夜: 面包夜市 钱包夜里 红包夜
发票: 发票据 分发票证
迷药: 昏迷药物
摇头: 动摇头绪
兼职: 身兼职务
小姐: 小姐姐 小姐弟
处女: 处女座 处女作 妇女处女干部 办事处女职员
乳房: 乳房检查 乳房钼靶
强暴: 富强暴露 顽强暴雨
放荡: 放荡秋千 绽放荡漾
卖淫: 打击卖淫嫖娼
一党: 第一党支部 同一党小组 统一党史
共产: 公共产品 一共产出 总共产量
独裁: 单独裁剪 独裁判断
`;

/** Numbers and codes that are no words, whatever letters their digits look like. */
const NUMBERS = `
ass: 455|A55 road|45s|4.55
tits: 7175|7.175
boob: 8008|80-08
sos: 505|5.05
shit: 5417|541-7
sex: 53x|53 x 2
hell: 4311|43 11
ho: 40|4 0
`;

/** Words that only white space would make of others. */
const PARTED = `
penis: the pen is mightier|my pen is red
anus: an us citizen|can us states
ass: as soon as s. comes|as, s. said
tits: that its own|but its end
shit: Sh. It is late
whore: those who re-read it|who re-elected
cock: coc k-means
analsex: banal sexton
hell: he ll|she ll
rapist: the rap is told
`;

const entries = (block: string, separator: RegExp): (readonly [string, string])[] => block.trim().split('\n').flatMap((line) => {
  const [listed, these] = line.split(': ') as [string, string];
  return these.trim().split(separator).map((one) => [listed, one] as const);
});

export const HARMLESS_CASES: readonly HarmlessCase[] = [
  ...entries(WITHIN, / /).map(([listed, word]) => ({ listed, text: `They wrote ${word}, and then "${word.toUpperCase()}".` })),
  ...entries(NUMBERS, /\|/).map(([listed, number]) => ({ listed, text: `It was ${number} again.` })),
  ...entries(PARTED, /\|/).map(([listed, text]) => ({ listed, text: `So ${text}, once more.` })),
  ...entries(PHRASES, /\|/).map(([listed, allow]) => ({ listed, text: `Here: ${allow}, ${allow.toUpperCase()}.`, allow })),
  ...entries(PERMITTED, / /).map(([listed, allow]) => ({ listed, text: `这里写着${allow}，没有别的意思。`, allow })),
];
