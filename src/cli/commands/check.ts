/** Declares `ostiary check`. */
import type { Command } from 'commander'
import { checkRequestHeaders } from '../../forward/request-headers.ts'
import { check } from '../check.ts'
import { checkPolicy } from '../check-policy.ts'
import type { Io } from '../io.ts'
import { type ConfigOptions, configOption, lenientOption } from './options.ts'

interface CheckFlags {
  readonly strict: boolean
  readonly offline: boolean
  readonly broker?: string
}

export function addCheck(program: Command, io: Io): void {
  program
    .command('check')
    .description('check a configuration and print its routes as they will be matched')
    .addOption(configOption())
    .addOption(lenientOption())
    .option('--broker <file>', "Dex's configuration for the broker inside, as serve takes it")
    .option('--offline', 'check what is decided; secrets and certificates may be on another machine', false)
    .option('--strict', 'take warnings for errors', false)
    .action(async ({ config, lenient, strict, offline, broker }: ConfigOptions & CheckFlags) => {
      process.exitCode = await check(
        {
          ...{ config, env: process.env, lenient, strict, offline, brokerFile: broker },
          ...{ checkPolicy, checkHeaders: checkRequestHeaders },
        },
        io,
      )
    })
}
