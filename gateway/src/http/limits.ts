import { BESIDE_DATA_LIMIT_BYTES } from '@sluice/kserve';
import { FRAME_BYTES } from '@sluice/rpc/grpc';

/** Every number the outside can run into. Each says its unit in its name and its reason in its comment. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** A prompt with several inlined images; more belongs into a file. */
export const BODY_LIMIT_BYTES = 10 * MIB;

/** The admin API takes names and addresses only. */
export const ADMIN_BODY_LIMIT_BYTES = 64 * KIB;

/** A list of 100,000 words for the filter, in any script. */
export const FILTER_BODY_LIMIT_BYTES = 8 * MIB;
export const FILTER_WORDS_LIMIT = 100_000;

/** Tool schemas in use nest about 20 deep; parsers behind us give up between 100 and 1,000. */
export const JSON_DEPTH_LIMIT = 64;

/** Node's own default. Trace context, SDK headers and a key take less than 4 KiB. */
export const HEADERS_LIMIT_BYTES = 16 * KIB;

/** Long agent conversations hold some hundred messages; validation walks all of them. */
export const MESSAGES_LIMIT = 4096;

/** Parts of one message's content. */
export const CONTENT_PARTS_LIMIT = 1024;

/** As OpenAI. */
export const TOOLS_LIMIT = 128;
export const CHOICES_LIMIT = 128;
export const STOP_STRINGS_LIMIT = 4;
export const TOP_LOGPROBS_LIMIT = 20;
export const METADATA_PAIRS_LIMIT = 16;
export const METADATA_KEY_LIMIT_CHARACTERS = 64;
export const METADATA_VALUE_LIMIT_CHARACTERS = 512;

/** Entries of `logit_bias`: OpenAI's own limit for one request. */
export const LOGIT_BIAS_LIMIT = 1024;

/** Model names and aliases; longer ones cannot exist. */
export const MODEL_NAME_LIMIT_CHARACTERS = 256;

/** Short identifying strings: user, cache key, tool call ids, names. */
export const SHORT_STRING_LIMIT_CHARACTERS = 1024;

/** A key that we issue has less than 80 characters; longer ones need not be hashed. */
export const KEY_LIMIT_CHARACTERS = 512;

/** A client that has not sent its whole request by then holds a connection for nothing. Bodies of calls have a limit of their own that is shorter (domain/upload-pace.ts). */
export const REQUEST_TIMEOUT_MS = 60_000;

/** How long an idle connection is kept for the next request. Longer than the usual 60 s of balancers, which would otherwise meet a closing socket. */
export const KEEP_ALIVE_TIMEOUT_MS = 72_000;

/** A client that reads nothing for this long is gone. */
export const CLIENT_STALL_LIMIT_MS = 60_000;

/** Longest wait for the audit, the registry or access behind an admin request. */
export const ADMIN_RPC_TIMEOUT_MS = 15_000;
/** The check of a ledger looks at every call that was ever billed, some 2 µs each. Clients of Node give up after 300 s without an answer. */
export const LEDGER_CHECK_TIMEOUT_MS = 280_000;

/** A request of tensors: a batch of some pictures. What is larger belongs into a file, and would fill the log of calls. */
export const TENSOR_BODY_LIMIT_BYTES = 16 * MIB;
/** What a message over gRPC has beside its tensors: its frame, and as much of names, shapes and parameters as is read. */
const TENSOR_MESSAGE_ALLOWANCE_BYTES = BESIDE_DATA_LIMIT_BYTES + FRAME_BYTES;
export const TENSOR_MESSAGE_LIMIT_BYTES = TENSOR_BODY_LIMIT_BYTES + TENSOR_MESSAGE_ALLOWANCE_BYTES;
/** What is asked over gRPC of a model or of the server: a name and a version. */
export const TENSOR_QUESTION_LIMIT_BYTES = 4 * KIB;
/** A client of gRPC has one connection for all of its calls, and some hundred of them under way at most. */
export const GRPC_CONNECTIONS_LIMIT = 1024;
/** Its client makes another one when it has something to ask. */
export const GRPC_CONNECTION_IDLE_MS = 30_000;
export const GRPC_STREAMS_LIMIT = 256;
/** The largest answer of tensors, and so the longest message that leaves over gRPC: the router takes none that is longer from a server. */
export const TENSOR_ANSWER_LIMIT_BYTES = 32 * MIB;
