/** The page of `files`, and its small script: upload, new folder, delete. */
import { html } from '../../respond/html.ts'
import type { Entry } from './file-store.ts'
import { demoPage } from './style.ts'

/** `path`: the stored path of a collection, '' for the root. */
export function filesPage(path: string, entries: readonly (readonly [string, Entry])[]): string {
  const up = path.slice(0, path.lastIndexOf('/'))
  return demoPage({
    app: 'Files',
    heading: path === '' ? 'All files' : path.slice(1),
    script: '/.files.js',
    content: html`<nav>${path !== '' && html`<a href="${hrefOf(up)}/">Up</a>`}<a href="/.pomerium/">Who am I?</a><a href="/.pomerium/sign_out">Sign out</a></nav>
<div class="card scroll"><table>
<tr><th scope="col">Name</th><th scope="col">Size</th><th scope="col">Changed</th><th scope="col"></th></tr>
${entries.map(([name, entry]) => {
  const href = `${hrefOf(`${path}/${name}`)}${entry.kind === 'collection' ? '/' : ''}`
  return html`<tr><td><a href="${href}">${name}${entry.kind === 'collection' && '/'}</a></td>
<td>${entry.kind === 'file' ? sizeOf(entry.content.length) : 'folder'}</td>
<td>${new Date(entry.changedAt).toISOString().slice(0, 16).replace('T', ' ')}</td>
<td><button data-delete="${href}" aria-label="Delete ${name}">Delete</button></td></tr>
`
})}
</table></div>
<h2>Add</h2>
<form class="card" id="upload" data-folder="${hrefOf(path)}/">
<label for="file">A file</label>
<input id="file" type="file" required>
<p><button>Upload</button></p>
</form>
<form class="card" id="folder" data-folder="${hrefOf(path)}/">
<label for="name">A folder</label>
<input id="name" autocomplete="off" required>
<p><button>Make</button></p>
</form>
<p class="soft" id="state" role="status"></p>
<p class="soft">WebDAV programs find the same files at this address.</p>`,
  })
}

export const filesScript = `
const at = (id) => document.getElementById(id)
const send = async (method, url, body) => {
  at('state').textContent = 'working'
  const answer = await fetch(url, { method, body })
  if (answer.ok) location.reload()
  else at('state').textContent = 'It did not work: ' + answer.status
}
for (const button of document.querySelectorAll('[data-delete]')) {
  button.onclick = () => send('DELETE', button.dataset.delete)
}
at('upload').onsubmit = (event) => {
  event.preventDefault()
  const file = at('file').files[0]
  send('PUT', at('upload').dataset.folder + encodeURIComponent(file.name), file)
}
at('folder').onsubmit = (event) => {
  event.preventDefault()
  send('MKCOL', at('folder').dataset.folder + encodeURIComponent(at('name').value))
}
`

const hrefOf = (path: string) => path.split('/').map(encodeURIComponent).join('/')

function sizeOf(octets: number): string {
  if (octets < 1024) return `${octets} B`
  return octets < 1 << 20 ? `${Math.round(octets / 1024)} KiB` : `${(octets / (1 << 20)).toFixed(1)} MiB`
}
