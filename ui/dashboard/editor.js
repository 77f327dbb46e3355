// The query bar: a text area over its own coloured copy, with completion at the caret and mistakes underlined.
// logql.js (which stands before this in the same module) knows the language. See editor.py.

const CHECK_MS = 300
const editors = new WeakMap()

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let editor = editors.get(parentElement)
  if (!editor) {
    editor = mount(parentElement)
    editors.set(parentElement, editor)
  }
  Object.assign(editor, { data, setStateValue, setTriggerValue })
  if (editor.given !== data.text) {
    editor.given = data.text
    editor.area.value = data.text
  }
  editor.area.placeholder = data.placeholder
  draw(editor)
  if (editor.open || editor.awaiting) {
    propose(editor, editor.asked)
    draw(editor)
  }
  return () => {
    clearTimeout(editor.timer)
    editors.delete(parentElement)
  }
}

function element(name, cls, attributes = {}) {
  const made = document.createElement(name)
  made.className = cls
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}

function mount(parent) {
  const area = element("textarea", "area", {
    rows: 1, spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-label": "Query",
    role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": "choices",
  })
  const copy = element("pre", "copy", { "aria-hidden": "true" })
  const list = element("ul", "choices", { id: "choices", role: "listbox" })
  const said = element("p", "said", { role: "status" })
  const run = element("button", "run", { type: "button", title: "Run the query (Ctrl+Enter)", "aria-label": "Run" })
  run.append(element("i", "go"))
  list.hidden = said.hidden = true
  const box = element("div", "box")
  const bar = element("div", "bar")
  box.append(copy, area, list)
  bar.append(box, run)
  const root = element("div", "editor")
  root.append(bar, said)
  parent.append(root)
  const editor = { area, copy, list, said, root, given: null, open: null, at: -1 }
  area.addEventListener("input", () => typed(editor))
  area.addEventListener("keydown", event => keydown(editor, event))
  area.addEventListener("scroll", () => (copy.scrollTop = area.scrollTop))
  area.addEventListener("click", () => (close(editor), draw(editor)))
  area.addEventListener("blur", () => setTimeout(() => (close(editor), draw(editor)), 120))
  list.addEventListener("pointerdown", event => event.preventDefault())
  list.addEventListener("click", event => {
    const row = event.target.closest("li")
    if (row) take(editor, editor.open.words[[...list.children].indexOf(row)])
  })
  run.addEventListener("click", () => send(editor))
  new ResizeObserver(() => grow(editor)).observe(area)
  return editor
}

function typed(editor) {
  draw(editor) // what is proposed has its place in the copy
  propose(editor, false)
  draw(editor) // and mistakes wait until nothing is proposed
  clearTimeout(editor.timer)
  editor.timer = setTimeout(() => editor.setStateValue("draft", editor.area.value), CHECK_MS)
}

// The copy under the text area: the same letters, coloured, with the mistake underlined and a mark where the caret is.
function draw(editor) {
  const { area, copy } = editor
  const all = pieces(area.value)
  walk(all)
  const mistake = noticed(editor)
  copy.replaceChildren()
  for (const piece of all) {
    const cut = mistake && mistake.end > piece.start && mistake.at < piece.end
    const cuts = cut ? [Math.max(mistake.at - piece.start, 0), Math.min(mistake.end, piece.end) - piece.start] : [piece.text.length, piece.text.length]
    span(copy, piece.text.slice(0, cuts[0]), piece.role)
    span(copy, piece.text.slice(...cuts), `${piece.role} wrong`)
    span(copy, piece.text.slice(cuts[1]), piece.role)
  }
  if (mistake && mistake.at >= area.value.length) span(copy, "\u00a0", "wrong")
  copy.append("\u200b")
  editor.said.hidden = !mistake
  editor.root.classList.toggle("is-wrong", Boolean(mistake))
  area.setAttribute("aria-invalid", String(Boolean(mistake)))
  if (mistake) {
    editor.said.replaceChildren(element("b", ""), element("span", ""))
    editor.said.children[0].textContent = mistake.error
    editor.said.children[1].textContent = mistake.hint
  }
  grow(editor)
}

// What is wrong with the text, unless somebody is about to go on: chooses, or has not come to the end.
function noticed({ area, data, open, given, awaiting }) {
  const mistake = data.mistakes.find(each => each.text === area.value)
  if (!mistake || area.value === given || area.getRootNode().activeElement !== area) return mistake
  return open || awaiting || mistake.at >= area.value.trimEnd().length ? undefined : mistake
}

function span(into, text, cls) {
  if (!text) return
  const made = element("span", cls)
  made.textContent = text
  into.append(made)
}

function grow({ area, copy }) {
  area.style.height = "auto"
  area.style.height = `${Math.min(area.scrollHeight, 190)}px`
  copy.scrollTop = area.scrollTop
}

// `asked`: with Ctrl+Space everything that fits is shown; while typing only where a choice is likely wanted.
function propose(editor, asked) {
  const { area, data } = editor
  if (area.selectionStart !== area.selectionEnd || document.activeElement === null) return close(editor)
  const found = suggest(area.value, area.selectionStart, data.labels, data.values)
  const before = area.value.slice(0, found.from)
  const likely = found.sure || (/[\s)}]$/.test(before) && before.trim() && found.words.length < 40)
  if (!found.words.length || !(asked || likely)) close(editor)
  if (found.need) {
    editor.setStateValue("need", found.need)
    editor.awaiting = true // shown when the values are here
  }
  editor.asked = asked
  if (!found.words.length || !(asked || likely)) return
  editor.open = found
  editor.at = found.bold || asked ? 0 : -1
  show(editor)
}

function show(editor) {
  const { list, open, area } = editor
  list.replaceChildren(
    ...open.words.map(([name, does], i) => {
      const row = element("li", i === editor.at ? "is-on" : "", { role: "option", id: `choice-${i}`, "aria-selected": String(i === editor.at) })
      row.append(element("code", ""), element("small", ""))
      row.children[0].textContent = name
      row.children[1].textContent = does
      return row
    }),
  )
  list.hidden = false
  area.setAttribute("aria-expanded", "true")
  const { left, top } = place(editor, open.from)
  list.style.top = `${top}px`
  list.style.left = `${Math.max(Math.min(left, editor.copy.clientWidth - list.offsetWidth), 0)}px`
  mark(editor)
}

// Where a letter of the copy stands, in the box.
function place({ copy }, offset) {
  const walker = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT)
  let node = walker.nextNode()
  while (node && offset > node.length) {
    offset -= node.length
    node = walker.nextNode()
  }
  const range = document.createRange()
  range.setStart(node ?? copy, node ? offset : 0)
  const letter = range.getBoundingClientRect()
  const box = copy.getBoundingClientRect()
  return { left: letter.left - box.left, top: letter.bottom - box.top + 5 }
}

function mark({ list, area, at }) {
  ;[...list.children].forEach((row, i) => {
    row.classList.toggle("is-on", i === at)
    row.setAttribute("aria-selected", String(i === at))
  })
  const on = list.children[at]
  if (on) area.setAttribute("aria-activedescendant", on.id)
  else area.removeAttribute("aria-activedescendant")
  on?.scrollIntoView({ block: "nearest" })
}

function close(editor) {
  editor.open = null
  editor.awaiting = false
  editor.at = -1
  editor.list.hidden = true
  editor.area.setAttribute("aria-expanded", "false")
  editor.area.removeAttribute("aria-activedescendant")
}

function keydown(editor, event) {
  const { key } = event
  const { open } = editor
  if (key === "Enter" && (event.ctrlKey || event.metaKey)) send(editor)
  else if (key === " " && event.ctrlKey) propose(editor, true)
  else if (open && (key === "ArrowDown" || key === "ArrowUp")) {
    const count = open.words.length
    editor.at = key === "ArrowDown" ? (editor.at + 1) % count : (editor.at <= 0 ? count : editor.at) - 1
    mark(editor)
  } else if (open && (key === "Tab" || (key === "Enter" && editor.at >= 0)) && !event.shiftKey) take(editor, open.words[Math.max(editor.at, 0)])
  else if (open && key === "Escape") (close(editor), draw(editor))
  else if (key === "Enter" && !event.shiftKey) send(editor)
  else if (!paired(editor, event)) return
  event.preventDefault()
}

const PAIRS = { '"': '"', "`": "`", "{": "}", "(": ")", "[": "]" }

// Quotes and brackets come in pairs, a closing one that is there already is walked over, an empty pair goes at once.
function paired(editor, { key, ctrlKey, metaKey, altKey }) {
  const { value, selectionStart: at, selectionEnd } = editor.area
  if (ctrlKey || metaKey || altKey || at !== selectionEnd) return false
  const [before, after] = [value[at - 1] ?? "", value[at] ?? ""]
  if (key === "Backspace" && after && PAIRS[before] === after) insert(editor, at - 1, at + 1, "", at - 1)
  else if (after === key && Object.values(PAIRS).includes(key)) editor.area.setSelectionRange(at + 1, at + 1)
  else if (PAIRS[key] && !/[\w"`]/.test(after) && !(PAIRS[key] === key && /[\w\\]/.test(before))) insert(editor, at, at, key + PAIRS[key], at + 1)
  else return false
  typed(editor)
  return true
}

function insert({ area }, from, to, text, caret) {
  area.focus()
  area.setSelectionRange(from, to)
  // Deprecated, and the only way that leaves the browser's undo as it was.
  if (!document.execCommand(text ? "insertText" : "delete", false, text)) area.setRangeText(text, from, to, "end")
  area.setSelectionRange(caret, caret)
}

function take(editor, [name, , inserted]) {
  const { open } = editor
  const whole = inserted || name
  const hole = whole.indexOf("$0")
  const text = whole.replace("$0", "")
  insert(editor, open.from, open.to, text, open.from + (hole < 0 ? text.length : hole))
  close(editor)
  typed(editor)
}

function send(editor) {
  clearTimeout(editor.timer)
  close(editor)
  editor.area.value = editor.given = editor.area.value.trim()
  draw(editor)
  editor.setTriggerValue("run", editor.given)
}
