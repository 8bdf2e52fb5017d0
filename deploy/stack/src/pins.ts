/**
 * What the stack runs, to the byte: versions, images, and the SHA-256 digest of every file that is downloaded. The only
 * place that names them.
 */
export const IMAGES = {
  kafka: 'apache/kafka:4.4.0',
  postgres: 'postgres:18.4',
  redis: 'redis:7.0.15',
  triton: 'nvcr.io/nvidia/tritonserver:24.10-py3',
} as const;

/** Kafka 4 runs on this Java and newer ones (its documentation, "Java Version"). */
export const JAVA_MAJOR = 17;

/** What Maven copies the jars with. */
export const MAVEN_COPY = 'org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies';

/** Kafka 4.4.0 and all that a broker loads; what its own list has beyond this is for its command line tools. */
export const KAFKA_JARS: Readonly<Record<string, string>> = {
  'at.yawk.lz4:lz4-java:1.11.2': '8a7458657938e9b692224db83aac458c13abd7a59ab75c3d3b08bd2233a646a2',
  'com.dynatrace.hash4j:hash4j:0.22.0': '23028a3fd006e530bf495f551083208187cafd8f80624d048eba56442f16a50e',
  'com.fasterxml.jackson.core:jackson-annotations:2.21': '53ca085f4a150f703f49e1aabd935bd03b43e1ea3d55d135438292af22cef56b',
  'com.fasterxml.jackson.core:jackson-core:2.21.7': '8c5623b98f32d5f7e1287ff61ed50e08ab7b11381e991fff89327faabba42261',
  'com.fasterxml.jackson.core:jackson-databind:2.21.7': '1290c2795e93e8a6861a6c4d9ff0d844d32f5ea178362cb2721edf5561e828b1',
  'com.fasterxml.jackson.datatype:jackson-datatype-jdk8:2.21.7': 'b8f62f98363ed9aa259b3a479a64fcbe7e081158a8bec6733972e900d12f4e47',
  'com.github.ben-manes.caffeine:caffeine:3.2.0': 'ec411dfdf0c03f25218648ce89861630b71680e5858a9a7278ebac8e55cab3d7',
  'com.github.luben:zstd-jni:1.5.7-17': 'c9043e2da8a16c13b6cd7661a5cb56685a573c3546ef4bd0ead67b0b67c2e107',
  'com.google.re2j:re2j:1.8': '7b52c72156dd7f98b3237a5b35c1d34fba381b21048c89208913ad80a45dfbd7',
  'com.typesafe.scala-logging:scala-logging_2.13:3.9.6': '0ad0c3f4d89d538b3b6c300158555e266aa69cf1b5f6522aba8b5bad238eb994',
  'com.yammer.metrics:metrics-core:2.2.0': '6b7a14a6f34c10f8683f7b5e2f39df0f07b58c7dff0e468ebbc713905c46979c',
  'commons-logging:commons-logging:1.3.5': '6d7a744e4027649fbb50895df9497d109f98c766a637062fe8d2eabbb3140ba4',
  'commons-validator:commons-validator:1.10.1': 'ed74711a78d793ca37f6075e4a1e93d107233dfd20d0bb17e32bad88d38e56aa',
  'net.sf.jopt-simple:jopt-simple:5.0.4': 'df26cc58f235f477db07f753ba5a3ab243ebe5789d9f89ecf68dd62ea9a66c28',
  'net.sourceforge.argparse4j:argparse4j:0.7.0': '65ceb669d88f63306c680f8088bbf765bbca72d288a61a03703000076c3d3f56',
  'org.apache.kafka:kafka-clients:4.4.0': '1ab07317eb6633241392449d329dbdc5d9251e6ffc4926860f42dd966e88bdf9',
  'org.apache.kafka:kafka-coordinator-common:4.4.0': 'e380267a17981edbadaa2e2e785f18dc1b5671abf2d1084eb7da06a765c71d0c',
  'org.apache.kafka:kafka-group-coordinator:4.4.0': '3fc830ace54f6a13f9f536bc0564bf39a68797365a4c4b194bd7db4fb893b2bc',
  'org.apache.kafka:kafka-group-coordinator-api:4.4.0': 'bf11d7586c7363ba72a16ac5ef80c65365de9166469f7f6fc4ac5d2e0a98213a',
  'org.apache.kafka:kafka-metadata:4.4.0': '6c52de74ecd670332e1e1324f5d40311275ac49b22699b6722e5fb07dd266fcb',
  'org.apache.kafka:kafka-raft:4.4.0': '687f278ce5d82b7f53644643e21e1a7452530f202826108990f0fe4f3d334d4f',
  'org.apache.kafka:kafka-server:4.4.0': '5f5456c2976203525080220212639f7033274b94458ceabf44197f4800bd615c',
  'org.apache.kafka:kafka-server-common:4.4.0': 'e50931831a27a2f3eb6cf74e8d63cc325b4e98656f30e94f8829297951ca5080',
  'org.apache.kafka:kafka-share-coordinator:4.4.0': '6969a7961ca98d37a039bbe0af0fe761d6b0dd07ca9666802f47821167afbb6e',
  'org.apache.kafka:kafka-storage:4.4.0': '9eaa4dafacc251080ece0efa8511283da5de6931e843457f6af87f02f9b50039',
  'org.apache.kafka:kafka-storage-api:4.4.0': 'edd47a86cdce283fc15d033090417a5dec29642eb807713f2e807e3c46b5ca46',
  'org.apache.kafka:kafka-transaction-coordinator:4.4.0': '1d5324d59776d6b7f324cfdc87647b1e88f9823332201c0324e7ae9f210d915d',
  'org.apache.kafka:kafka_2.13:4.4.0': '76d3314f873571677ff98620ab9a431e508e3687f921a3df4f70d692a970475e',
  'org.apache.logging.log4j:log4j-api:2.25.5': '64777f73ea0b3104c04eb82befbdccc30a425a19e83ad06cb2f93aa303511863',
  'org.apache.logging.log4j:log4j-core:2.25.5': '050c4f85deb48b055e9c041ac39043fbb79ce477841a11a1eb2969c86c6a0072',
  'org.apache.logging.log4j:log4j-slf4j-impl:2.25.5': '3d25b926bc6025c47ec010459749c12aa66b9d5537ba1922d67d89a098a66607',
  'org.bitbucket.b_c:jose4j:0.9.6': '7314af50cde9c99e8eaf43eee617a23edcc6bb43036221064355094999d837ef',
  'org.hdrhistogram:HdrHistogram:2.2.2': '22d1d4316c4ec13a68b559e98c8256d69071593731da96136640f864fa14fad8',
  'org.pcollections:pcollections:4.0.2': '2bbeef5797a241300c4f7513cd546239629ed7deda4fc0c31df90bb95f5f13ef',
  'org.scala-lang:scala-library:2.13.18': '4e85d96ff7bc7dc627985523c3541b9917aaa08e956391380c42db21a2c4e5a0',
  'org.slf4j:slf4j-api:1.7.36': 'd3ef575e3e4979678dc01bf1dcce51021493b4d11fb7f1be8ad982877c16a1c0',
  'org.xerial.snappy:snappy-java:1.1.10.7': '4c766cb3f855415ee734b2392949a0b6f12a60879334a74518deaf6270d32e36',
};

/** The version of Redis, whoever built it. */
export const REDIS_VERSION = '7.0.15';

/** Debian 12, amd64. A later build of the same version has its digest in Debian's signed index instead. */
export const REDIS_DEBS: Readonly<Record<string, { readonly version: string; readonly sha256: string }>> = {
  'redis-tools': { version: '5:7.0.15-1~deb12u10', sha256: 'f791cfcbf3054832bd6e786546acb0d4e046888f8e63bcf567c1c65fbfaf69e2' },
  liblzf1: { version: '3.6-3', sha256: '9854b0866201b63e04f1e446f45f01ef4a6f72c61f2250b75f944f6046cc7e8c' },
  libjemalloc2: { version: '5.3.0-1', sha256: 'a4117c23c5c8acf6c9678a6cb086f000b79476369da7efe8a78a70826956ad3d' },
};

/** Triton release 24.10 is server 2.51.0; its Python package carries the server whole. */
export const TRITON_VERSION = '2.51.0';
export const TRITON_WHEEL = { name: 'nvidia-pytriton', version: '0.7.0', sha256: '21f063ff93bb426d0c06b7a55e7eb9efcfe62c0dddd9a908e9877e18710128df' } as const;

/** The last numpy that Triton's Python backend works with, by the Python for which the package has a stub; Linux, x86-64. */
export const NUMPY_VERSION = '1.26.4';
export const NUMPY_WHEELS: Readonly<Record<string, string>> = {
  '3.10': 'ffa75af20b44f8dba823498024771d5ac50620e6915abac414251bd971b4529f',
  '3.11': '666dbfb6ec68962c033a450943ded891bed2d54e6755e35e5835d63f4f6931d5',
  '3.12': '675d61ffbfa78604709862923189bad94014bef562cc35cf61d3a07bba02a7ed',
};
