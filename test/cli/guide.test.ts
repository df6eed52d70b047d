import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const root = fileURLToPath(new URL('../../', import.meta.url))
const guide = readFileSync(join(root, 'docs/policy.md'), 'utf8')

interface Block {
  readonly language: string
  readonly text: string
}

const blocks: readonly Block[] = [...guide.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(
  ([, language = '', text = '']): Block => ({ language, text }),
)

/** A folder with the example of the guide, in which `ostiary` is a command as on a machine where it is installed. */
function openFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'ostiary-guide-'))
  const bin = join(folder, '.bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'ostiary'), `#!/bin/sh\nexec "${process.execPath}" "${root}src/main.ts" "$@"\n`)
  chmodSync(join(bin, 'ostiary'), 0o755)
  for (const name of ['team.yaml', 'team.cases.yaml']) copyFileSync(join(root, 'policies', name), join(folder, name))
  const inFolder = (name: string) => join(folder, name)
  const env = {
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    ...{ GIT_AUTHOR_NAME: 'ann', GIT_AUTHOR_EMAIL: 'ann@corp.test' },
    ...{ GIT_COMMITTER_NAME: 'ann', GIT_COMMITTER_EMAIL: 'ann@corp.test' },
  }
  return {
    inFolder,
    /** Both outputs in the order of printing, and the exit code where it is not 0. */
    run(command: string, more: Readonly<Record<string, string>> = {}): string {
      const { stdout, status } = spawnSync('sh', ['-c', `exec 2>&1\n${command}`], {
        cwd: folder,
        env: { ...env, ...more },
        encoding: 'utf8',
      })
      return `${stdout.trimEnd()}\n${status === 0 ? '' : `[exit ${status}]\n`}`
    },
    /** Does to team.yaml what a block of changes says, at the last place that fits. */
    change(text: string): void {
      const lines = text.trimEnd().split('\n')
      const side = (sign: string) =>
        lines
          .filter((line) => line.startsWith(sign) || line.startsWith(' '))
          .map((line) => `${line.slice(1)}\n`)
          .join('')
      const before = readFileSync(inFolder('team.yaml'), 'utf8')
      const at = before.lastIndexOf(side('-'))
      assert.notEqual(at, -1, `team.yaml does not hold\n${side('-')}`)
      writeFileSync(inFolder('team.yaml'), before.slice(0, at) + side('+') + before.slice(at + side('-').length))
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** The commands of a block with what is printed after each. */
function commandsOf({ text }: Block): readonly { readonly command: string; readonly printed: string }[] {
  return [...text.matchAll(/^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm)].map(([, command = '', printed = '']) => ({
    command,
    printed,
  }))
}

/** `…` in a line of its own stands for any lines. */
function agrees(printed: string, wanted: string): boolean {
  const escaped = wanted
    .split(/^ *…\n/m)
    .map((piece) => piece.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('(?:.*\n)*?')
  return new RegExp(`^${escaped}$`).test(printed)
}

test('the guide is true from its first line to its last: every edit, every command, everything printed', async (t) => {
  using folder = openFolder()
  let commands = 0
  for (const block of blocks) {
    const { language, text } = block
    const [, place, name = ''] = /^# (at the end of )?(\S+\.yaml)\n/.exec(text) ?? []
    if (language === 'sh' && text.startsWith('cp ')) assert.equal(folder.run(text), '\n')
    else if (language === 'diff') folder.change(text)
    else if (language === 'yaml' && place) appendFileSync(folder.inFolder(name), `\n${text}`)
    else if (language === 'yaml' && name) writeFileSync(folder.inFolder(name), text)
    else if (language === 'console') {
      for (const { command, printed } of commandsOf(block)) {
        commands++
        await t.test(command, () => {
          const text = folder.run(command)
          if (!agrees(text, printed)) assert.equal(text, printed)
        })
      }
    }
  }
  assert.ok(commands > 10, `${commands} commands`)
})

const hook = blocks.find(({ text }) => text.startsWith('#!/bin/sh'))?.text ?? ''

test('the hook of the guide refuses a commit whose rules are wrong, by what is staged and not by what lies there', () => {
  using folder = openFolder()
  const commit = () => folder.run('git commit -qam edit')
  folder.run('git init -q -b main && git add team.yaml team.cases.yaml')
  mkdirSync(folder.inFolder('.git/hooks'), { recursive: true })
  writeFileSync(folder.inFolder('.git/hooks/pre-commit'), hook, { mode: 0o755 })
  assert.match(folder.run('git commit -qm first'), /15 cases, all as expected\n$/)

  folder.run("sed -i.bak 's/allowed_groups: \\[operations\\]/allowed_groups: [developers]/' team.yaml")
  assert.match(commit(), /FAIL {2}the wiki's administration is for operations[\s\S]*\[exit 1\]\n$/)
  folder.run('git checkout -q HEAD -- team.yaml')
  folder.run("sed -i.bak 's/prefix: .admin./prefix: \\/admin/' team.yaml")
  assert.match(commit(), /the prefix also matches[\s\S]*\[exit 1\]\n$/)

  // What is staged is good, and what lies in the folder is not: that is somebody's next commit.
  folder.run('git checkout -q HEAD -- team.yaml && echo "# a remark" >> team.yaml && git add team.yaml')
  folder.run('echo "nonsense: [" >> team.yaml')
  assert.doesNotMatch(folder.run('git commit -qm remark'), /exit 1/)
  assert.equal(folder.run('git log --format=%s'), 'remark\nfirst\n')
})

interface Job {
  readonly jobs: { readonly policy: { readonly steps: readonly { readonly run?: string }[] } }
}

test('the job of the guide passes a good change, and tells under the pull request who gains', () => {
  using folder = openFolder()
  const { steps } = (parse(blocks.find(({ text }) => text.startsWith('jobs:'))?.text ?? '') as Job).jobs.policy
  const script = steps
    .flatMap(({ run }) => (run === undefined || run.startsWith('npm install') ? [] : [run]))
    .join('\n')
  folder.run(
    'git init -q -b main && git add team.yaml && git commit -qm first && git update-ref refs/remotes/origin/main HEAD',
  )
  folder.change('     allowed_groups: [developers]\n+    allowed_domains: [builders.test]\n')
  const printed = folder.run(`set -e\n${script}`, { GITHUB_STEP_SUMMARY: folder.inFolder('summary.md') })
  assert.match(printed, /15 cases, all as expected\n/)
  assert.doesNotMatch(printed, /\[exit/)
  assert.match(readFileSync(folder.inFolder('summary.md'), 'utf8'), /builders\.test/)
  assert.match(readFileSync(folder.inFolder('policy.xml'), 'utf8'), /<testsuite/)
})
