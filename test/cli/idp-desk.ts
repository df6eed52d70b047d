/** `idp` commands run in memory against a broker's management behind a real socket. */
import { join } from 'node:path'
import { openAdminSocket } from '#src/broker/management/admin-socket.ts'
import { socketManagement } from '#src/broker/management/socket-management.ts'
import type { WriteFlags } from '#src/cli/idp/connectors.ts'
import { orRefusal } from '#src/cli/idp/outcome.ts'
import type { Target } from '#src/cli/idp/target.ts'
import type { Io } from '#src/cli/io.ts'
import { makeWorld, type World, type WorldOptions } from '#test/broker/management/world.ts'
import { transcript } from './transcript.ts'

export interface Desk extends AsyncDisposable {
  readonly world: World
  readonly target: Target
  readonly socket: string
  /** What a command prints, and its exit code in the last line. */
  type(command: (io: Io) => Promise<number>): Promise<string>
}

export async function openDesk(options: WorldOptions = {}): Promise<Desk> {
  const world = makeWorld(options)
  const socket = join(world.folder, 'ostiary.sock')
  const served = await openAdminSocket({ path: socket, management: world.management, log: { event: () => {} } })
  return {
    world,
    socket,
    target: { management: socketManagement(socket), isDex: false, [Symbol.asyncDispose]: async () => {} },
    type: (command) => transcript((io) => orRefusal(() => command(io), io)),
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    },
  }
}

export const quiet: WriteFlags = {
  force: false,
  dryRun: false,
  diff: false,
  showSecrets: false,
  verbose: false,
  lenient: false,
}
