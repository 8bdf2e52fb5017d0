#!/bin/sh
# Puts together what runs in an image: the sources without tests, the packages without those for development, Node, and
# what a first start would otherwise write. The Dockerfile runs this; it needs Node 20 or newer with npm, and no Docker.
#
#   deploy/docker/assemble.sh DIR
set -eu

fail() {
  printf 'assemble: %s\n' "$1" >&2
  exit 1
}

[ "$#" -eq 1 ] || fail "give the folder to make: assemble.sh DIR"
root=$(CDPATH='' cd -P -- "$(dirname -- "$0")/../.." && pwd)
[ ! -e "$1" ] || fail "$1 is there already: give a folder that is to be made"
mkdir -p "$1"
target=$(CDPATH='' cd -P -- "$1" && pwd)

# Who the packages are for: `npm ci` wants the description of every workspace that the lock file names.
printf 'assemble: the packages (npm ci, without those for development)\n' >&2
(cd "$root" && find package.json package-lock.json .npmrc proto libs gateway services deploy -name node_modules -prune -o \
  \( -name package.json -o -name package-lock.json -o -name .npmrc \) -type f -print | tar -cf - -T -) | tar -xf - -C "$target"
(cd "$target" && npm_config_update_notifier=false npm ci --omit=dev --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error >&2) || fail "npm ci failed; its message is above"

# What runs: no specs and no support of tests; of the folders of deploy/ those that the command line loads.
printf 'assemble: the sources\n' >&2
rm -rf "$target/libs/testkit"
for folder in "$target"/deploy/*; do
  case ${folder##*/} in
    cli | host | stack | triton) ;;
    *) rm -rf "$folder" ;;
  esac
done
(cd "$root" && find sluice LICENSE proto/gen libs gateway services deploy/cli deploy/host deploy/stack deploy/triton -name node_modules -prune -o -name testkit -prune -o -name testing -prune -o -name training -prune -o \
  -type f ! -name '*.spec.ts' ! -name '*.contract.ts' ! -name README.md -print | tar -cf - -T -) | tar -xf - -C "$target"
cp "$root/deploy/docker/health-check.mjs" "$target/health-check.mjs"

# Links to workspaces that were left out, and files of packages that nothing loads.
printf 'assemble: leaving out what nothing loads\n' >&2
modules=$target/node_modules
find "$modules/@sluice" -type l ! -exec test -e {} \; -exec rm {} +
find "$modules" -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -name 'CHANGELOG*' \) -exec rm {} +
for node in "$modules"/node-linux-*; do
  [ ! -d "$node" ] || rm -rf "$node/include" "$node/share"
done
for engine in "$modules"/@node-llama-cpp/*; do
  [ ! -d "$engine" ] || [ "${engine##*/}" = "linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')" ] || rm -rf "$engine"
done
rm -rf "$modules/node-llama-cpp/llama" "$modules/@types" "$modules/typescript" "$modules/.bin/tsc" "$modules/.bin/tsserver" "$modules/.cache"

# What a first start writes, because the image may be read-only: the links of PostgreSQL's libraries, and compiled code.
printf 'assemble: what a first start would write\n' >&2
touch "$modules/.package-lock.json"
node=$modules/.bin/node
[ -x "$node" ] || node=node
for postgres in "$modules"/@embedded-postgres/*; do
  (cd "$postgres" && "$node" scripts/hydrate-symlinks.js) || fail "the libraries of PostgreSQL could not be linked"
  : >"$postgres/.links-made"
done
# Every file of the command line is loaded once, so a package or a folder that was left out is noticed here.
NODE_COMPILE_CACHE="$target/.cache/compile" "$node" --conditions=@sluice/source --import "$target/deploy/host/source-loader.mjs" --input-type=module --eval '
  import { globSync } from "node:fs";
  for (const file of globSync(process.argv[1] + "/**/*.ts")) if (!file.endsWith("/main.ts")) await import(file);
' "$target/deploy/cli/src" || fail "the sources do not load"

chmod -R a+rX "$target"
printf 'assemble: %s, %s MB\n' "$target" "$(du -sm "$target" | cut -f1)" >&2
