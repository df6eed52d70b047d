/** `ostiary matrix`: the access review, people by routes, each cell with the rule that lets them in. */
import { writeFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { printProblems } from '../config/print-problems.ts'
import { type Matrix, type MatrixCell, matrixOf } from '../trial/compare/matrix.ts'
import { readPeople } from '../trial/compare/read-people.ts'
import type { Person } from '../trial/subject.ts'
import type { Io } from './io.ts'
import { cellText } from './matrix/cell-text.ts'
import { printCsv } from './matrix/csv.ts'
import { matrixJson } from './matrix/matrix-json.ts'
import { matrixPage } from './matrix/page.ts'
import { peopleOfLogs } from './matrix/people-of-logs.ts'
import { readTrial, type TrialReading } from './read-trial.ts'
import { counted, type Paint, paintFor, printColumns } from './text.ts'

export interface MatrixOptions extends TrialReading {
  readonly config: readonly string[]
  /** A list of people. */
  readonly subjects?: string | undefined
  /** Decision logs: everybody who is in them, as they were last. */
  readonly logs?: readonly string[]
  readonly format?: 'text' | 'csv' | 'json'
  /** Where to write the page; then nothing is printed but where it is. */
  readonly html?: string | undefined
  /** Milliseconds since the epoch: the moment of the review. */
  readonly now: number
}

/** Resolves to the exit code: 0 where there is a review, 1 where there is none. */
export async function matrix(options: MatrixOptions, io: Io): Promise<number> {
  const { config, subjects, logs = [], html, format = 'text', now, cwd = process.cwd(), readFile } = options
  if (config.length === 0 || (subjects === undefined && logs.length === 0)) {
    io.err('cannot review: expected a configuration and people\n')
    io.err('hint: ostiary matrix FILE --subjects people.yaml, or --log decisions.log\n')
    return 1
  }
  const read = await readTrial(config, options, io)
  if (!read) return 1
  const people: Person[] = []
  if (subjects !== undefined) {
    const listed = await readPeople(subjects, { cwd, readFile })
    if (listed.problems.length > 0) {
      io.err(printProblems(listed.problems))
      return 1
    }
    people.push(...listed.people)
  }
  const logged = await peopleOfLogs(
    logs.map((file) => resolve(cwd, file)),
    io,
  )
  if (!logged) return 1
  people.push(...logged)
  const review = matrixOf(read.trial, people, { now, records: read.settings.records })
  if (html === undefined) {
    io.out(print(review, format, paintFor(io.colours)))
    return 0
  }
  const source = [
    ...(subjects === undefined ? [] : [basename(subjects)]),
    ...(logs.length > 0 ? ['the decision log'] : []),
  ]
  const page = matrixPage(review, {
    title: config.map((file) => basename(file)).join(', '),
    now,
    source: source.join(' and '),
  })
  // Who may what is nobody else's business.
  await writeFile(resolve(cwd, html), page, { mode: 0o600 })
  io.out(
    `${html}: ${counted(people.length, 'person').replace('persons', 'people')} by ${counted(review.routes.length, 'route')}\n`,
  )
  return 0
}

function print(review: Matrix, format: 'text' | 'csv' | 'json', paint: Paint): string {
  switch (format) {
    case 'text':
      return printTable(review, paint)
    case 'csv':
      return printCsv(review)
    case 'json':
      return `${JSON.stringify(matrixJson(review), undefined, 2)}\n`
  }
}

/** A block for each person: a terminal is too narrow for many routes side by side. */
function printTable({ rows, routes, notes }: Matrix, paint: Paint): string {
  const blocks = rows.map(({ who, groups, cells }) => {
    const lines = cells.map((cell, index) => [
      { text: signs[cell.access], paint: cell.access === 'yes' ? paint.good : paint.dim },
      { text: routes[index]?.name ?? '' },
      { text: cellText(cell), paint: cell.access === 'no' ? paint.dim : undefined },
    ])
    const groupText = groups.length === 0 ? '' : `  ${paint.dim(groups.join(', '))}`
    return `${paint.strong(who)}${groupText}\n${printColumns(lines, '  ')}`
  })
  return `${blocks.join('\n')}${notes.map((note) => `\nnote: ${note}\n`).join('')}`
}

const signs: Readonly<Record<MatrixCell['access'], string>> = { yes: '+', sometimes: '~', no: '-' }
