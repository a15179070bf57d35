// The search page, faster: it asks as one types and shows answers in place.
//
// Without this file the page works as well. An answer comes in words and addresses, from
// the same code that fills the templates (kb/web/view.py); here it only becomes nodes, as
// found.html has them. Text is never read as HTML, which the page's policy
// (require-trusted-types-for 'script') would refuse anyway.
//
// Results are a list of links that really have the focus, not a combobox: they are the
// content of the page and no suggestions for the box, so they keep what links have
// (open in a tab, copy, a menu) and readers find them as headings. Arrow keys are a
// short cut beside Tab, and take no key from the box but up and down.

const { t, language, recentMost } = JSON.parse(document.getElementById('words').textContent)
const WAIT_MS = 150, SLOW_MS = 300, THOUGHT_MS = 3000, CACHED = 40, FRESH_MS = 60000
const RECENT_KEY = 'baraza.recent', SLASH_KEY = 'baraza.slash'

const byId = id => document.getElementById(id)
const form = byId('form'), box = byId('q'), found = byId('found'), status = byId('status')

function el(name, attributes = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes))
    if (value) made.setAttribute(key, value)
  made.append(...children.flat(2).filter(Boolean))
  return made
}

// --- an answer, as found.html shows it -----------------------------------------------

const text = pieces => pieces.map(each => each.marked ? el('mark', {}, each.text) : each.text)

const langOf = hit => ({ lang: hit.lang, dir: 'auto' })

const kindOf = hit => el('span', { class: `kind ${hit.kind}` }, hit.kind_name)

const titleOf = hit => hit.href
  ? el('a', { class: 'open', href: hit.href, rel: 'noopener' }, text(hit.title))
  : el('span', { class: 'open', tabindex: '-1' }, text(hit.title))

const passage = ({ pieces, whole }) => [
  el('p', { class: 'excerpt' }, text(pieces)),
  whole.length && el('details', {},
    el('summary', { lang: language },
      el('span', { class: 'more' }, t.more), el('span', { class: 'less' }, t.less)),
    el('p', { class: 'whole' }, text(whole))),
]

const hitItem = hit => el('li', { class: 'hit', 'data-id': `${hit.id}` },
  el('h3', { class: 'title', ...langOf(hit) }, titleOf(hit)),
  el('p', { class: 'meta' },
    kindOf(hit), ' ',
    hit.solved && [el('span', { class: 'solved' }, `${t.solved} ✓`), ' '],
    hit.facts.map(fact => [el('span', { dir: 'auto' }, fact), ' ']),
    hit.date && [el('time', { datetime: hit.date }, hit.told_date), ' '],
    el('span', { class: 'source', dir: 'auto' }, hit.source)),
  hit.heading && el('p', { class: 'heading', ...langOf(hit) }, hit.heading),
  el('div', { class: 'passage', ...langOf(hit) }, passage(hit.excerpt)),
  el('div', { class: 'below' }, el('p', { class: 'why' },
    el('span', { class: `sure ${hit.sure.replace('.', '-')}` }, hit.sure_told),
    hit.why && [' ', el('span', { class: 'reasons' }, hit.why)])))

const choice = each => el('a', {
  class: 'choice', href: each.href, 'data-key': each.key, 'aria-current': each.on && 'true',
}, el('span', { dir: 'auto' }, each.name), each.count && [' ', el('span', { class: 'n' }, each.count)])

const choices = all => el('ul', {}, all.map(each => el('li', {}, choice(each))))

const kindsNav = kinds => kinds.length &&
  el('nav', { class: 'kinds', 'aria-label': t['facet.kind'] }, choices(kinds))

const side = ({ groups, chips }) => groups.length && el('div', { class: 'side' },
  el('input', { type: 'checkbox', class: 'fold', id: 'fold' }),
  el('label', { class: 'unfold', for: 'fold' },
    t.filters, chips.length && ` (${chips.length})`),
  el('nav', { class: 'filters', 'aria-label': t.filters }, groups.map(group =>
    el('section', {}, el('h2', {}, group.title), choices(group.choices)))))

const chipsOf = ({ chips, clear }) => chips.length &&
  el('div', { class: 'chips', role: 'group', 'aria-label': t.chosen },
    chips.map(each => el('a', { class: 'chip', href: each.href, 'data-key': each.key },
      el('span', { class: 'hidden' }, t.remove.replace('{name}', '')),
      el('span', { dir: 'auto' }, each.name), ' ', el('span', { 'aria-hidden': 'true' }, '×'))),
    el('a', { class: 'clear', href: clear, 'data-key': 'clear' }, t['remove.all']))

const pagerOf = pager => pager && el('nav', { class: 'pager', 'aria-label': t.pages },
  pager.previous && el('a', { class: 'button', rel: 'prev', href: pager.previous,
    'data-key': 'previous' }, `‹ ${t.previous}`),
  el('span', {}, pager.now),
  pager.next && el('a', { class: 'button', rel: 'next', href: pager.next,
    'data-key': 'next' }, `${t.next} ›`))

const nothing = ({ status, ask, near, chosen, clear }) => el('div', { class: 'nothing' },
  el('h2', { class: 'empty', dir: 'auto' }, status),
  ask && el('p', { class: 'ask' },
    el('a', { class: 'button first', href: ask, rel: 'noopener' }, t.ask), ' ',
    el('span', { class: 'note' }, t['ask.note'])),
  near.length && el('section', {}, el('h3', {}, t.near), el('ul', { class: 'near' },
    near.map(hit => el('li', {}, el('span', langOf(hit), titleOf(hit)), ' ', kindOf(hit))))),
  el('section', {}, el('h3', {}, t['none.tips']), el('ul', { class: 'helps' },
    ['none.fewer', 'none.spelling', 'none.language'].map(each => el('li', {}, t[each])),
    chosen && el('li', {}, el('a', { href: clear, 'data-key': 'clear' }, t['none.filters'])))))

const foundPage = view => [
  kindsNav(view.kinds),
  el('div', { class: 'sheet' },
    side(view),
    el('div', { class: 'results', id: 'results', tabindex: '-1' },
      chipsOf(view),
      view.notes.map(note => el('p', { class: 'remark', dir: 'auto' }, note)),
      view.did_you_mean && el('p', { class: 'meant' }, t.did_you_mean, ' ', el('a', {
        href: view.did_you_mean_href, 'data-key': 'meant', dir: 'auto' }, view.did_you_mean), '?'),
      view.hits.length ? [
        el('h2', { class: 'hidden' }, t.results),
        el('ol', { class: 'hits' }, view.hits.map(hitItem)),
        pagerOf(view.pager),
        view.ask && el('p', { class: 'ask' }, t['ask.after'], ' ',
          el('a', { href: view.ask, rel: 'noopener' }, t.ask)),
      ] : nothing(view))),
].filter(Boolean)

// --- did this help? --------------------------------------------------------------------

function addHelped() {
  for (const hit of found.querySelectorAll('.hit')) {
    if (hit.querySelector('.helped')) continue
    const title = hit.querySelector('.title').textContent.trim()
    const label = `helped-${hit.dataset.id}`
    const button = (helped, sign, text) => el('button',
      { type: 'button', 'data-helped': `${helped}`, title: text, 'aria-label': `${text}: ${title}` },
      el('span', { 'aria-hidden': 'true', class: `thumb ${sign}` }))
    hit.querySelector('.below').append(el('div',
      { class: 'helped', role: 'group', 'aria-labelledby': label },
      el('span', { id: label }, t.helped), ' ',
      button(true, 'up', t['helped.yes']), button(false, 'down', t['helped.no'])))
  }
}

async function sendHelped(button) {
  const group = button.closest('.helped')
  const buttons = group.querySelectorAll('button')
  for (const each of buttons) each.disabled = true
  const told = el('span', { role: 'status', tabindex: '-1' })
  group.append(' ', told)
  try {
    const response = await fetch('api/feedback', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        document_id: Number(button.closest('.hit').dataset.id),
        helped: button.dataset.helped === 'true',
      }),
    })
    if (!response.ok) throw new Error(`${response.status}`)
    for (const name of ['role', 'aria-labelledby']) group.removeAttribute(name)
    group.replaceChildren(told)
    told.textContent = t['helped.thanks']
  } catch {
    for (const each of buttons) each.disabled = false
    told.textContent = t['helped.failed']
  }
  told.focus({ preventScroll: true })
}

// --- recent searches, in this browser alone ----------------------------------------------

// Storage may be switched off, full, or hold what somebody else put there.
function recent() {
  try {
    const kept = JSON.parse(localStorage.getItem(RECENT_KEY) ?? '[]')
    return Array.isArray(kept)
      ? kept.filter(each => typeof each === 'string').slice(0, recentMost) : []
  } catch {
    return []
  }
}

function remember(q) {
  const text = q.trim()
  if (!text) return
  const kept = [text, ...recent().filter(each => each !== text)].slice(0, recentMost)
  try {
    localStorage.setItem(RECENT_KEY, JSON.stringify(kept))
  } catch { /* Then it is not remembered. */ }
}

function forget() {
  try {
    localStorage.removeItem(RECENT_KEY)
  } catch { /* Nothing was remembered. */ }
  showRecent()
  box.focus()
}

// The address of a search for some words alone.
function address(q) {
  const ui = now.get('ui')
  return `search?${new URLSearchParams(ui ? { q, ui } : { q })}`
}

function showRecent() {
  const kept = recent()
  byId('recent').hidden = !kept.length
  byId('recent-list').replaceChildren(...kept.map(q => el('li', {}, el('a',
    { href: address(q), 'data-key': 'recent', dir: 'auto' }, q))))
}

// --- searching -------------------------------------------------------------------------

let now = new URLSearchParams(location.search)
let settled = true      // The entry of the history stays: typing makes the next one.
let asking = null       // An AbortController while an answer is awaited.
let timer = 0, slow = 0, later = 0
const answers = new Map()   // By their addresses, and when they came.
const counted = new Set()   // Addresses: a search is counted once, however often it is seen.

const query = () => now.get('q') ?? ''
const FILTERS = ['kind', 'lang', 'category', 'tag', 'version', 'solved', 'since', 'before']
const isSearch = () => Boolean(query().trim() || FILTERS.some(name => now.get(name)))

function setView(view) {
  document.documentElement.dataset.view = view
  byId('start').hidden = view !== 'start'
  found.hidden = view === 'start'
  if (view === 'start') showRecent()
}

function tell(text, quietly = false) {
  status.classList.toggle('hidden', quietly)
  if (status.textContent !== text) status.textContent = text
}

function show({ title, found: view }) {
  const unfolded = byId('fold')?.checked
  document.title = title
  found.replaceChildren(...foundPage(view))
  if (unfolded && byId('fold')) byId('fold').checked = true
  addHelped()
  setView('found')
  tell(view.status, !view.hits.length)
}

function showStart() {
  document.title = byId('home').textContent
  found.replaceChildren()
  setView('start')
  tell('')
}

function fail(text) {
  found.replaceChildren()
  setView('found')
  tell(text)
}

// What else on the page names the search: the form, and the page in other languages.
function carry() {
  byId('kept').replaceChildren(...[...now]
    .filter(([name]) => name !== 'q' && name !== 'page')
    .map(([name, value]) => el('input', { type: 'hidden', name, value })))
  for (const link of document.querySelectorAll('[data-ui]')) {
    const same = new URLSearchParams(now)
    same.set('ui', link.dataset.ui)
    link.href = `search?${same}`
  }
}

function busy(on) {
  clearTimeout(slow)
  const mark = on => {
    document.documentElement.classList.toggle('busy', on)
    found.setAttribute('aria-busy', `${on}`)
  }
  if (on) slow = setTimeout(mark, SLOW_MS, true)
  else mark(false)
}

// Of a search, in whatever order its parts were chosen.
function answerAt() {
  const same = new URLSearchParams(now)
  same.sort()
  return `search.json?${same}`
}

// The server counts what comes without this.
const uncounted = url => `${url}&typing=true`

function kept(...urls) {
  const found = urls.map(url => answers.get(url)).find(each => each?.until > Date.now())
  return found?.answer
}

function keep(url, answer) {
  answers.delete(url)
  answers.set(url, { answer, until: Date.now() + FRESH_MS })
  if (answers.size > CACHED) answers.delete(answers.keys().next().value)
}

// Somebody meant what is shown: it is counted, and stays as it is.
async function count() {
  const url = answerAt()
  if (!isSearch() || now.has('page') || counted.has(url)) return
  counted.add(url)
  try {
    const response = await fetch(url, { keepalive: true })
    if (!response.ok) throw new Error(`${response.status}`)
    keep(url, await response.json())
  } catch {
    counted.delete(url)
  }
}

// The last question wins: one before it is given up, and its answer not looked at. What
// is still being typed is not counted, and its last word may be half of one; after a
// while nobody types any more.
async function search(typing = false) {
  clearTimeout(timer)
  clearTimeout(later)
  asking?.abort()
  asking = null
  busy(false)
  carry()
  if (!isSearch()) return showStart()
  const plain = answerAt()
  if (typing) later = setTimeout(thought, THOUGHT_MS)
  const known = typing || counted.has(plain) ? kept(plain, uncounted(plain)) : kept(plain)
  if (known) return show(known)
  const counts = !typing && !counted.has(plain)
  const url = counts ? plain : uncounted(plain)
  if (counts) counted.add(plain)
  const mine = asking = new AbortController()
  busy(true)
  try {
    const response = await fetch(url, { signal: mine.signal })
    const answer = await response.json().catch(() => ({}))
    if (counts && !response.ok) counted.delete(plain)
    if (mine !== asking) return
    if (response.ok) {
      keep(url, answer)
      show(answer)
    } else trouble(response, answer, typing)
  } catch {
    if (counts && mine === asking) counted.delete(plain)
    if (mine === asking) fail(t['trouble.offline'])
  }
  if (mine !== asking) return
  asking = null
  busy(false)
}

// Whoever has gone on to the results must not lose the place there.
function thought() {
  if (document.activeElement === box && !counted.has(answerAt())) search()
}

function trouble(response, answer, typing) {
  const text = answer.trouble ?? t['trouble.down']
  const seconds = Number(response.headers.get('Retry-After'))
  if (!seconds) return fail(text)
  // What is there stays; it is asked again once it may be.
  tell(text)
  clearTimeout(later)
  later = setTimeout(search, Math.min(seconds, 60) * 1000, typing)
}

function typed() {
  if (box.value === query()) return
  now.set('q', box.value)
  now.delete('page')
  if (!box.value) now.delete('q')
  // Other words, from the first page on; the entry that one came from stays.
  history[settled ? 'pushState' : 'replaceState'](null, '', here())
  settled = false
  clearTimeout(timer)
  if (isSearch()) timer = setTimeout(search, WAIT_MS, true)
  else search()
}

const here = () => `${now}` ? `search?${now}` : 'search'

// A search that somebody meant, and may want to come back to.
function settle() {
  settled = true
  remember(query())
}

// --- events ----------------------------------------------------------------------------

box.addEventListener('input', event => { if (!event.isComposing) typed() })
box.addEventListener('compositionend', typed)

form.addEventListener('submit', event => {
  event.preventDefault()
  typed()
  settle()
  search()
})

const stops = () => [...found.querySelectorAll('.open')]

function move(step) {
  const all = stops(), at = all.indexOf(document.activeElement)
  if (at + step < 0) return focusBox(false)
  all[Math.min(at + step, all.length - 1)]?.focus()
}

function focusBox(all) {
  box.focus()
  if (all) box.select()
}

const plain = event => !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey)
const isField = each => each.matches('input:not([type=checkbox]), textarea, select') || each.isContentEditable

document.addEventListener('keydown', event => {
  if (event.isComposing || event.defaultPrevented) return
  const { key, target } = event, inBox = target === box
  const inHits = target.matches('.open')
  const done = action => { event.preventDefault(); action() }
  const modified = event.ctrlKey || event.metaKey
  if (modified && !event.altKey && !event.shiftKey && key.toLowerCase() === 'k')
    done(() => focusBox(true))
  else if (!plain(event)) return
  else if (key === '/' && slash.checked && !isField(target)) done(() => focusBox(true))
  else if (key === 'ArrowDown' && inBox) done(() => stops()[0]?.focus())
  else if (key === 'ArrowDown' && inHits) done(() => move(1))
  else if (key === 'ArrowUp' && inHits) done(() => move(-1))
  else if (key === 'Home' && inHits) done(() => stops()[0].focus())
  else if (key === 'End' && inHits) done(() => stops().at(-1).focus())
  else if (key === ' ' && inHits) done(() => target.closest('.hit')?.querySelector('details')
    ?.toggleAttribute('open'))
  else if (key === 'Escape' && inBox) done(() => {
    box.value = ''
    typed()
  })
  else if (key === 'Escape' && found.contains(target)) done(() => focusBox(true))
})

// Who goes on to a result, or to ask instead, has found out what the search gives.
const isOutcome = each => each.closest('.open, .ask a')

found.addEventListener('focusin', event => { if (isOutcome(event.target)) count() })
for (const name of ['click', 'auxclick'])
  found.addEventListener(name, event => { if (isOutcome(event.target)) count() })

document.addEventListener('click', event => {
  const button = event.target.closest('[data-helped]')
  if (button) return void sendHelped(button)
  if (event.target.closest('#forget')) return forget()
  const link = event.target.closest('a')
  if (!link || event.button || !plain(event)) return
  if (isOutcome(link)) return settle()
  if (!link.dataset.key && link.id !== 'home') return
  event.preventDefault()
  follow(link)
})

// A filter, a page, other words: a place of its own in the history.
async function follow(link) {
  const key = link.dataset.key
  settle()
  history.pushState(null, '', link.href)
  now = new URLSearchParams(location.search)
  box.value = query()
  if (key === 'recent' || key === 'meant') settle()
  await search()
  if (key === 'previous' || key === 'next') {
    scrollTo({ top: 0 })
    byId('results')?.focus({ preventScroll: true })
  } else if (link.id === 'home' || key === 'recent') box.focus()
  else refocus(key)
}

// The link that was followed was made anew; the focus must not be lost with it.
function refocus(key) {
  const same = [...found.querySelectorAll('[data-key]')].filter(each =>
    each.dataset.key === key && each.checkVisibility())
  ;(same[0] ?? byId('results'))?.focus({ preventScroll: true })
}

addEventListener('popstate', () => {
  now = new URLSearchParams(location.search)
  settled = true
  box.value = query()
  search()
})

// A key alone is in the way of who speaks to the machine, or hits keys by chance.
const slash = byId('slash')
try {
  slash.checked = localStorage.getItem(SLASH_KEY) !== 'off'
} catch { /* Then it is not remembered. */ }
slash.addEventListener('change', () => {
  try {
    localStorage.setItem(SLASH_KEY, slash.checked ? 'on' : 'off')
  } catch { /* As above. */ }
})

byId('keys').hidden = !matchMedia('(hover: hover)').matches
addHelped()
// What the server has written was counted there.
if (!found.hidden) counted.add(answerAt())
if (!isSearch()) showRecent()
// What was typed before this file was there.
if (box.value !== query() && document.activeElement === box) typed()
