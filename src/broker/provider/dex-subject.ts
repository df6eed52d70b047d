/** The subject that Dex gives a user of a connector, so that rules written for one of the two hold for the other. */

/** base64url of the protobuf message {1: user id, 2: connector id}; lengths are varints, as a DN may be long. */
export function dexSubject({ userId, connectorId }: { readonly userId: string; readonly connectorId: string }): string {
  return Buffer.concat([field(1, userId), field(2, connectorId)]).toString('base64url')
}

/** Protobuf leaves out a field that is empty. */
function field(number: number, text: string): Buffer {
  const octets = Buffer.from(text)
  if (octets.length === 0) return octets
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(octets.length)]), octets])
}

function varint(value: number): number[] {
  const octets: number[] = []
  let rest = value
  while (rest > 127) {
    octets.push((rest & 127) | 128)
    rest >>>= 7
  }
  return [...octets, rest]
}
