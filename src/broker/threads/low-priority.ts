/** Whoever serves requests comes first, also where all cores are at work in threads. */
import { getPriority, setPriority } from 'node:os'

const low = 10

/** For the thread that calls it. Linux alone has a priority for each thread (setpriority(2)); elsewhere nothing happens. */
export function lowerPriority(): void {
  if (process.platform === 'linux' && getPriority(0) < low) setPriority(0, low)
}
