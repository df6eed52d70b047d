import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { html, trustedMarkup } from '#src/respond/html.ts'

test('every value is escaped, in text and in attributes', () => {
  const evil = `"><script>alert('1')</script>&`
  assert.equal(
    html`<a title="${evil}">${evil}</a>`.toString(),
    '<a title="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;">&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;</a>',
  )
})

test('markup inside markup stays, lists are joined, nothing prints nothing', () => {
  const items = ['a', '<b>'].map((text) => html`<li>${text}</li>`)
  assert.equal(
    html`<ul>${items}</ul>${undefined}${null}${false}${true}${0}${[['x'], []]}`.toString(),
    '<ul><li>a</li><li>&lt;b&gt;</li></ul>0x',
  )
})

test('only what was marked is printed as it is', () => {
  assert.equal(html`${trustedMarkup('<hr>')}`.toString(), '<hr>')
  const forged = { toString: () => '<hr>' } as unknown as string
  assert.equal(html`${forged}`.toString(), '')
})

test('no text at all leaves its place', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const inside = html`<p title="${text}">`.toString().slice('<p title="'.length, -2)
      assert.doesNotMatch(inside, /[<>"'\u0000]/)
    }),
  )
})
