#!/usr/bin/env node
// Runs the program: from source in a clone (Node strips the types), from dist/ in an installed package (Node strips none there).
import { existsSync } from 'node:fs'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 12)) {
  process.stderr.write(
    `cannot run ostiary: it needs Node.js 24.12 or later, got ${process.versions.node}\n` +
      'hint: npm brings one along: npm start in a clone, npx ostiary where the package is installed\n',
  )
  process.exit(1)
}

const source = new URL('./src/main.ts', import.meta.url)
await import(existsSync(source) ? source.href : new URL('./dist/main.js', import.meta.url).href)
