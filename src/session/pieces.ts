/**
 * Cuts a sealed session over several cookies, because browsers drop a cookie above 4,096 octets (RFC 6265bis §5.6).
 * The first piece carries the count, so a lost piece is noticed before any decryption.
 */
import { maximumPieces, pieceName } from './cookie-names.ts'

/** Octets of name, `=` and value; the rest up to 4,096 is for browsers that count the attributes in. */
export const pieceSize = 3900

export interface Piece {
  readonly name: string
  readonly value: string
}

/** The cookies for `sealed` (ASCII), or undefined where they would be more than four. */
export function cut(sealed: string, name: string): Piece[] | undefined {
  const room = pieceSize - pieceName(name, maximumPieces).length - '='.length - '4.'.length
  const count = Math.ceil(sealed.length / room)
  if (count > maximumPieces) return undefined
  return Array.from({ length: count }, (_, index) => ({
    name: pieceName(name, index),
    value: `${index === 0 ? `${count}.` : ''}${sealed.slice(index * room, (index + 1) * room)}`,
  }))
}

/** The sealed text again, or undefined where there is none or a piece is missing. `cookieOf` reads a cookie by its name. */
export function join(name: string, cookieOf: (name: string) => string | undefined): string | undefined {
  const first = cookieOf(name)
  if (first === undefined || first[1] !== '.') return undefined
  const count = first.charCodeAt(0) - 0x30
  if (!(count >= 1 && count <= maximumPieces)) return undefined
  let sealed = first.slice(2)
  for (let index = 1; index < count; index++) {
    const piece = cookieOf(pieceName(name, index))
    if (piece === undefined) return undefined
    sealed += piece
  }
  return sealed
}
