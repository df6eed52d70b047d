#!/usr/bin/env node
// Runs the program: from source in a clone (Node strips the types), from dist/ in an installed package (Node strips none there).
import { existsSync } from 'node:fs'

const source = new URL('./src/main.ts', import.meta.url)
await import(existsSync(source) ? source.href : new URL('./dist/main.js', import.meta.url).href)
