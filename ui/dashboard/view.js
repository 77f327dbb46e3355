// Shows HTML that Python built and escaped, and reports what was picked, dragged or copied in it. See view.py.

const hosts = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  let host = hosts.get(parentElement)
  if (!host) {
    host = mount(parentElement)
    hosts.set(parentElement, host)
  }
  host.send = setTriggerValue
  if (host.html !== data.html) {
    host.html = data.html
    fill(host.root, data.html)
  }
  return () => {
    host.tip.remove()
    hosts.delete(parentElement)
  }
}

function mount(parentElement) {
  const root = document.createElement("div")
  root.className = "dw"
  parentElement.append(root)
  const tip = document.createElement("div")
  tip.className = "dw-tip"
  tip.hidden = true
  parentElement.append(tip)
  const host = { root, tip, html: null, send: null }
  root.addEventListener("click", event => click(host, event))
  root.addEventListener("keydown", event => keydown(host, event))
  root.addEventListener("pointermove", event => hover(host, event))
  root.addEventListener("pointerleave", () => (tip.hidden = true))
  root.addEventListener("pointerdown", event => drag(host, event))
  return host
}

// Python escapes every line; should it ever fail to, nothing that runs gets through here either.
function fill(root, html) {
  const parsed = new DOMParser().parseFromString(html, "text/html")
  for (const element of parsed.body.querySelectorAll("*")) {
    if (/^(script|iframe|object|embed|link|meta|base|form|img|style)$/i.test(element.localName)) {
      element.remove()
      continue
    }
    for (const { name, value } of [...element.attributes]) {
      if (name.startsWith("on") || (name === "href" && !/^(https?:|\/|\?|#)/i.test(value))) {
        element.removeAttribute(name)
      }
    }
  }
  const scrolled = [...root.querySelectorAll("[data-scroll]")].map(box => box.scrollTop)
  const focused = root.contains(document.activeElement) && document.activeElement.dataset.pick
  root.replaceChildren(...parsed.body.childNodes)
  root.querySelectorAll("[data-scroll]").forEach((box, i) => (box.scrollTop = scrolled[i] ?? 0))
  for (const box of root.querySelectorAll("[data-center]")) {
    const on = box.querySelector(".is-on")
    if (!on) continue
    const [outer, inner] = [box.getBoundingClientRect(), on.getBoundingClientRect()]
    box.scrollTop += inner.top - outer.top - (outer.height - inner.height) / 2
  }
  if (focused) root.querySelector(`[data-pick="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true })
}

function click(host, event) {
  const copied = event.target.closest("[data-copy]")
  if (copied) {
    const said = copied.dataset.copy === "@url" ? location.href : copied.dataset.copy
    navigator.clipboard?.writeText(said).then(() => {
      copied.classList.add("is-copied")
      setTimeout(() => copied.classList.remove("is-copied"), 1200)
    })
    return
  }
  const picked = event.target.closest("[data-pick]")
  // A click that ends a selection of text is no pick.
  if (picked && !String(getSelection())) host.send("pick", picked.dataset.pick)
}

function keydown(host, event) {
  const rows = [...host.root.querySelectorAll("[data-pick][tabindex]")]
  const at = rows.indexOf(document.activeElement)
  if (at < 0) return
  const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key]
  if (step) rows[Math.min(Math.max(at + step, 0), rows.length - 1)].focus()
  else if (event.key === "Enter") host.send("pick", rows[at].dataset.pick)
  else return
  event.preventDefault()
}

function hover(host, event) {
  const mark = event.target.closest("[data-tip]")
  const chart = event.target.closest("[data-tips]")
  let text = mark?.dataset.tip
  if (!text && chart) {
    chart.tips ??= JSON.parse(chart.dataset.tips)
    const box = chart.getBoundingClientRect()
    const bar = Math.floor(((event.clientX - box.left) / box.width) * chart.tips.length)
    text = chart.tips[bar]
    chart.style.setProperty("--bar", bar)
    chart.style.setProperty("--bars", chart.tips.length)
  }
  host.tip.hidden = !text
  if (!text) return
  host.tip.replaceChildren(...(Array.isArray(text) ? rows(text) : [text]))
  const width = host.tip.offsetWidth
  host.tip.style.left = `${Math.min(event.clientX + 14, innerWidth - width - 8)}px`
  host.tip.style.top = `${Math.max(8, event.clientY - host.tip.offsetHeight - 10)}px`
}

// A note of several values: its title, then [class of the colour, value, name] each.
function rows([title, ...told]) {
  return [title, ...told].map(each => {
    const row = document.createElement("div")
    if (!Array.isArray(each)) {
      row.textContent = each
      return row
    }
    row.className = "dw-tip-row"
    for (const [i, name] of [[0, "i"], [1, "b"], [2, "span"]]) {
      const cell = document.createElement(name)
      if (i) cell.textContent = each[i]
      else cell.className = each[i]
      row.append(cell)
    }
    return row
  })
}

function drag(host, event) {
  const chart = event.target.closest("[data-brush]")
  if (!chart || event.button || event.target.closest("[data-pick]")) return
  const box = chart.getBoundingClientRect()
  const [start, end] = chart.dataset.brush.split(",").map(Number)
  const share = x => Math.min(Math.max((x - box.left) / box.width, 0), 1)
  const from = share(event.clientX)
  const band = document.createElement("i")
  band.className = "dw-band"
  chart.append(band)
  event.preventDefault()
  const ends = to => [Math.min(from, to), Math.max(from, to)]
  const move = at => {
    const [left, right] = ends(share(at.clientX))
    band.style.left = `${left * 100}%`
    band.style.width = `${(right - left) * 100}%`
  }
  const up = at => {
    removeEventListener("pointermove", move)
    removeEventListener("pointerup", up)
    band.remove()
    const [left, right] = ends(share(at.clientX))
    if ((right - left) * box.width < 6) return
    host.send("brush", `${start + left * (end - start)},${start + right * (end - start)}`)
  }
  addEventListener("pointermove", move)
  addEventListener("pointerup", up)
}
