/** Finds the broker of this machine for whoever names none: no guess is made between two. */
import { ManagementError } from '../../broker/management/management.ts'
import { isServed, socketDoubt } from '../../broker/management/socket-file.ts'
import { type UsualSocket, usualSockets } from '../../config/dex/admin-socket.ts'

interface Where {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

/** @throws ManagementError where none or several brokers are there, with the places looked at and what to type */
export async function findSocket({ env, cwd }: Where): Promise<string> {
  const named = env['OSTIARY_ADMIN_SOCKET']
  if (named) return named
  const places = await Promise.all(
    usualSockets({ environment: env, cwd }).map(async (place) => ({ path: place.path, why: await whyNot(place) })),
  )
  const served = places.filter(({ why }) => why === undefined)
  const [only, another] = served
  if (!only)
    throw new ManagementError('unreachable', 'cannot find the administration socket of a broker on this machine', {
      details: [
        ...places.map(({ path, why }) => `${path}: ${why}`),
        'hint: is it running? Its log names the socket ("administration socket"): give that with --socket PATH',
      ],
    })
  if (!another) return only.path
  throw new ManagementError('unreachable', `cannot choose between ${served.length} brokers on this machine`, {
    details: [...served.map(({ path }) => path), 'hint: give one of them with --socket PATH'],
  })
}

/** Why this is no socket to take; undefined where it is one. */
async function whyNot({ path, isOfSystem }: UsualSocket): Promise<string | undefined> {
  const doubt = socketDoubt(path, { believesServices: isOfSystem })
  if (doubt) return [doubt.why, ...(doubt.details ?? [])].join('; ')
  return (await isServed(path)) ? undefined : 'nobody serves it'
}
