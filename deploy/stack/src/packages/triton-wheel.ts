import { readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { Say } from '../engines/engine.ts';
import { NUMPY_VERSION, NUMPY_WHEELS, TRITON_VERSION, TRITON_WHEEL } from '../pins.ts';
import { askTool, runTool } from '../processes/run-tool.ts';
import { whileTelling } from '../processes/while-telling.ts';
import { MissingTool, StackError } from '../stack-error.ts';
import { checkDigest } from './digest.ts';
import { keptPackage } from './kept-package.ts';

export interface TritonPackage {
  /** Holds `bin/`, `backends/`, `caches/`; finds its libraries by its place beside them. */
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
}

const python = z.object({ executable: z.string(), version: z.string(), libraries: z.string().nullable(), machine: z.string() });
export type Python = z.infer<typeof python>;

const ASK_PYTHON = `
import json, platform, sys, sysconfig
print(json.dumps({"executable": sys.executable, "version": "%d.%d" % sys.version_info[:2], "libraries": sysconfig.get_config_var("LIBDIR"), "machine": platform.machine()}))
`;

/** Only the stub for this Python; numpy goes where the stub looks for modules, because it heeds no PYTHONPATH. */
const UNPACK = `
import os, sys, zipfile
wheel, numpy, out, version = sys.argv[1:]
server = "pytriton/tritonserver/"
stubs, backend = server + "python_backend_stubs/", server + "backends/python/"
def unpack(archive, name, target):
    path = os.path.join(out, target)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with archive.open(name) as source, open(path, "wb") as file:
        while chunk := source.read(1 << 20):
            file.write(chunk)
    if target.endswith(("/tritonserver", "_stub")):
        os.chmod(path, 0o755)
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name.endswith("/") or name.startswith("nvidia_pytriton.libs/libpython3-"):
            continue
        if name.startswith(stubs + version + "/"):
            unpack(archive, name, backend + os.path.basename(name))
        elif name.startswith(("nvidia_pytriton.libs/", server)) and not name.startswith(stubs):
            unpack(archive, name, name)
with zipfile.ZipFile(numpy) as archive:
    for name in archive.namelist():
        if name.startswith(("numpy/", "numpy.libs/")) and not name.endswith("/"):
            unpack(archive, name, backend + name)
`;

/** The server out of its Python package, with numpy for its Python backend. Nothing is installed into the machine's Python. */
export async function bringTriton(cache: string, say: Say, signal: AbortSignal, command = 'python3'): Promise<TritonPackage> {
  const found = await findPython(command);
  const kept = await keptPackage(cache, `triton-${TRITON_VERSION}-python-${found.version}-numpy-${NUMPY_VERSION}`, async (draft) => {
    if ((await askTool([command, '-m', 'pip', '--version'])) === undefined) throw new MissingTool('pip for python3, to bring Triton', 'Debian: apt-get install python3-pip');
    say('triton: bringing the server (55 MB) and numpy (18 MB) with pip');
    const [wheel, numpy] = await whileTelling(say, 'triton: bringing', async () => fetchWheels(draft, found, command, signal));
    say('triton: unpacking');
    await runTool([command, '-c', UNPACK, wheel!, numpy!, draft, found.version], { signal });
    await runTool(['rm', wheel!, numpy!], { signal });
  });
  const home = join(kept, 'pytriton', 'tritonserver');
  const env = environment(found);
  await checkLibraries(home, env, found);
  return { home, env };
}

async function findPython(command: string): Promise<Python> {
  const said = await askTool([command, '-c', ASK_PYTHON]);
  if (said === undefined) throw new MissingTool('python3', 'Debian: apt-get install python3 python3-pip');
  const found = python.parse(JSON.parse(said));
  if (NUMPY_WHEELS[found.version] === undefined) throw new MissingTool(`Python ${Object.keys(NUMPY_WHEELS).join(', ')} as python3; this is ${found.version}`, 'put one of them first on the PATH');
  if (process.platform !== 'linux' || found.machine !== 'x86_64') throw new MissingTool(`Linux on x86-64 for the Triton package; this is ${found.machine}`, 'run a Docker engine instead');
  return found;
}

/** The Python backend takes the first `python3` of the PATH. A Python outside the system keeps its library beside it. */
export function environment({ executable, libraries }: Python): Record<string, string> {
  const system = libraries === null || libraries.startsWith('/usr/lib');
  return { PATH: `${dirname(executable)}:/usr/bin:/bin`, OPENBLAS_NUM_THREADS: '1', ...(!system && { LD_LIBRARY_PATH: libraries }) };
}

async function fetchWheels(folder: string, { version }: Python, command: string, signal: AbortSignal): Promise<string[]> {
  const wheels = [
    { name: TRITON_WHEEL.name, version: TRITON_WHEEL.version, sha256: TRITON_WHEEL.sha256 as string },
    { name: 'numpy', version: NUMPY_VERSION, sha256: NUMPY_WHEELS[version]! },
  ];
  const requirements = join(folder, 'requirements.txt');
  await writeFile(requirements, wheels.map((one) => `${one.name}==${one.version} --hash=sha256:${one.sha256}\n`).join(''));
  const platforms = ['manylinux_2_35_x86_64', 'manylinux_2_17_x86_64'].flatMap((one) => ['--platform', one]);
  await runTool([command, '-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '--require-hashes', ...platforms, '--python-version', version, '--dest', folder, '--requirement', requirements], { cwd: folder, signal });
  const files = await readdir(folder);
  return Promise.all(wheels.map(async ({ name, sha256 }) => {
    const file = files.find((one) => one.startsWith(`${name.replaceAll('-', '_')}-`));
    if (file === undefined) throw new StackError(`pip brought no file of ${name}.`);
    await checkDigest(join(folder, file), sha256);
    return join(folder, file);
  }));
}

/** A stub that cannot be loaded would show only with the first model. */
async function checkLibraries(home: string, env: Readonly<Record<string, string>>, { version }: Python): Promise<void> {
  const programs = [join(home, 'bin', 'tritonserver'), join(home, 'backends', 'python', 'triton_python_backend_stub')];
  const said = (await askTool(['ldd', ...programs], env)) ?? 'ldd: not found';
  const lacking = said.split('\n').find((line) => line.includes('not found'));
  if (lacking !== undefined) throw new MissingTool(`a library that Triton needs: ${lacking.trim()}`, `Debian 12 and newer: apt-get install libpython${version} zlib1g libstdc++6`);
}
