import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressOfHop, compileNetworks, normalAddress } from '#src/wire/address.ts'

test('an address has one spelling', () => {
  for (const text of ['::ffff:1.2.3.4', '::FFFF:102:304', '0:0:0:0:0:ffff:1.2.3.4']) {
    assert.equal(normalAddress(text), '1.2.3.4')
  }
  assert.equal(normalAddress('2001:DB8:0:0::1'), '2001:db8::1')
  assert.equal(normalAddress('fe80::1%eth0'), 'fe80::1')
  for (const text of ['', '1.2.3', '1.2.3.04', '1.2.3.4 ', ':::', '1.2.3.4:80', '[::1]']) {
    assert.equal(normalAddress(text), undefined, text)
  }
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const normal = normalAddress(text)
      assert.ok(normal)
      assert.equal(normalAddress(normal), normal)
    }),
  )
})

test('a hop is read with or without its port', () => {
  assert.equal(addressOfHop('1.2.3.4:80'), '1.2.3.4')
  assert.equal(addressOfHop('[2001:db8::1]:80'), '2001:db8::1')
  assert.equal(addressOfHop('[::1]'), '::1')
  assert.equal(addressOfHop('::1'), '::1')
  for (const text of ['unknown', '_hidden', '1.2.3:80', '[1.2.3.4]:80', '1.2.3.4:x', '']) {
    assert.equal(addressOfHop(text), undefined, text)
  }
})

test('a set of networks knows its addresses in every spelling', () => {
  const networks = compileNetworks(['10.0.0.0/8', 'fd00::/8', '192.0.2.1', '::ffff:198.51.100.0/120'])
  for (const text of ['10.255.0.1', '::ffff:10.0.0.1', 'fd12::1', '192.0.2.1', '198.51.100.7']) {
    assert.equal(networks.has(text), true, text)
  }
  for (const text of ['11.0.0.1', 'fe80::1', '192.0.2.2', '198.51.101.1', '', 'x']) {
    assert.equal(networks.has(text), false, text)
  }
  assert.equal(compileNetworks([]).has('127.0.0.1'), false)
})

test('an entry that is no network is refused, blanks above all', () => {
  for (const text of [
    '',
    ' ',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0/8',
    '::/129',
    '10.0.0.0/8/8',
    '::ffff:0:0/8',
    'x',
  ]) {
    assert.throws(() => compileNetworks([text]), /cannot read network/, text)
  }
})
