/** The decision log's file over reloads: one is open at a time, and whoever still writes under an older configuration writes there. */
import type { Settings } from '../config/schema.ts'
import type { DecisionSink } from '../observe/decision-log.ts'
import { DecisionFile } from '../observe/decision-log-file.ts'

export class KeptDecisionFile implements DecisionSink {
  #file: DecisionFile | undefined
  /** Told of a rotation or an end that failed. */
  onError: (error: unknown) => void = () => {}

  /** Opens the file that the settings name, and closes any other. Throws where it cannot be had; then nothing changes. */
  use(settings: Settings['decision_log'], now: number): void {
    const old = this.#file
    if (settings === undefined) {
      this.#file = undefined
    } else {
      const { path, rotate_size: rotateSize, rotate_age: rotateAge, keep } = settings
      const limits = { rotateSize, rotateAge, keep }
      if (old?.path === path) {
        old.adjust(limits, now)
        return
      }
      this.#file = new DecisionFile(path, limits, now)
      this.#file.onError = (error) => this.onError(error)
    }
    old?.close().catch((error: unknown) => this.onError(error))
  }

  head(line: string): void {
    this.#file?.head(line)
  }

  write(line: string, now: number): void {
    this.#file?.write(line, now)
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }
}
