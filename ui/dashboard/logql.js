// LogQL as far as an editor needs it: pieces to colour, and what may stand at the caret. `WORDS` is vocabulary.py's.
// The server's parser alone says what is a query; this must only be helpful, and never fail on what is none.

const PIECE = new RegExp(
  [
    /(?<blank>\s+)/,
    /(?<comment>#[^\n]*|\/\/[^\n]*|\/\*[^]*?(?:\*\/|$))/,
    /(?<string>"(?:\\[^]|[^"\\\n])*"?|`[^`]*`?)/,
    /(?<range>\[[^\]]*\]?)/,
    /(?<word>[\p{L}_][\p{L}\p{N}_]*)/,
    /(?<flag>--[\w-]*)/,
    /(?<number>\d(?:[eE][+-]\d|[\w.])*)/,
    /(?<sign>\|=|\|~|\|>|!=|!~|!>|=~|==|>=|<=|[{}()|,=<>!+\-*\/%^])/,
    /(?<other>[^])/,
  ].map(each => each.source).join("|"),
  "gu",
)
const LINE_FILTERS = new Set(["|=", "|~", "|>", "!>", "!=", "!~"])
const COMPARING = new Set(["=", "!=", "=~", "!~", "==", ">", ">=", "<", "<="])
const LOGIC = new Set(["and", "or", "unless"])
const named = group => new Set(WORDS[group].map(word => word[0]))
const FUNCTIONS = named("functions")
const AGGREGATORS = named("aggregators")
const PARSERS = named("parsers")
const STAGES = new Set([...PARSERS, ...named("formats")])
const GROUPINGS = new Set([...named("groupings"), "on", "ignoring", "group_left", "group_right"])
const CONVERSIONS = named("conversions")

export function pieces(text) {
  return [...text.matchAll(PIECE)].map(match => {
    const kind = Object.keys(match.groups).find(name => match.groups[name] !== undefined)
    return { kind, text: match[0], start: match.index, end: match.index + match[0].length }
  })
}

// What each piece plays (for its colour), and what may follow the last one.
export function walk(all) {
  const state = { expect: "start", open: [], label: "", stage: "", matchers: [] }
  for (const piece of all) {
    if (piece.kind === "blank") piece.role = ""
    else if (piece.kind === "comment") piece.role = "comment"
    else piece.role = step(state, piece) ?? piece.kind
  }
  return state
}

// The first selector with something in it, and whether a parser stands anywhere: what lines of these streams hold may
// be named then.
function parsing(all) {
  const from = all.findIndex((piece, i) => piece.text === "{" && all[i + 1]?.text !== "}")
  const to = all.findIndex((piece, i) => i > from && piece.text === "}")
  if (from < 0 || to < 0 || !all.some((piece, i) => PARSERS.has(piece.text) && before(all, i)?.text === "|")) return ""
  return all.slice(from, to + 1).map(piece => piece.text).join("")
}

function before(all, i) {
  while (all[--i]?.kind === "blank");
  return all[i]
}

function step(state, piece) {
  const { kind, text } = piece
  if (kind === "string") return ended(state, text)
  if (kind === "range") state.expect = "ranged"
  else if (kind === "flag") return "keyword"
  else if (kind === "number") number(state)
  else if (kind === "word") return word(state, text)
  else if (kind === "sign") return sign(state, text)
  return kind
}

function ended(state, text) {
  const { expect } = state
  if (expect === "matcher-value") {
    state.expect = "matcher-next"
    state.matchers.push({ label: state.label, text: `${state.label}${state.op}${text}` })
  } else if (expect === "label-value") state.expect = state.stage === "filter" ? "label-next" : "stage-next"
  else if (expect === "filter-value" || expect === "stage-text") state.expect = "pipeline"
  else if (expect === "start") state.expect = "operator"
  return "string"
}

function number(state) {
  if (state.expect === "label-value") state.expect = "label-next"
  else if (state.expect === "start") state.expect = "operator"
  else if (state.expect === "offset") state.expect = "ranged"
}

function word(state, text) {
  const lower = text.toLowerCase()
  if (state.expect === "grouping") state.expect = state.after // group_left without labels
  if (GROUPINGS.has(lower) && ["start", "call", "aggregate", "operator", "ranged"].includes(state.expect)) {
    state.after = state.expect === "ranged" ? "operator" : state.expect
    state.expect = "grouping"
    return "keyword"
  }
  switch (state.expect) {
    case "matcher-label":
      state.label = text
      state.expect = "matcher-op"
      return "label"
    case "labels":
      state.expect = "labels-next"
      return "label"
    case "start":
      if (lower === "bool") return "keyword"
      state.fn = lower
      state.expect = AGGREGATORS.has(lower) ? "aggregate" : "call"
      return FUNCTIONS.has(lower) ? "function" : "plain"
    case "stage":
      state.stage = STAGES.has(lower) ? lower : "filter"
      if (STAGES.has(lower)) {
        const taking = { line_format: "stage-text", regexp: "stage-text", pattern: "stage-text" }
        const listing = ["label_format", "drop", "keep", "unwrap"].includes(lower)
        state.expect = taking[lower] ?? (listing ? "stage-label" : ["json", "logfmt"].includes(lower) ? "stage-arguments" : "pipeline")
        return "keyword"
      }
      state.label = text
      state.expect = "label-op"
      return "label"
    case "stage-label":
    case "stage-arguments":
      if (CONVERSIONS.has(lower) && state.stage === "unwrap") {
        state.fn = lower
        state.expect = "call"
        return "function"
      }
      state.label = text
      state.expect = state.stage === "unwrap" ? "pipeline" : "stage-next"
      return "label"
    case "label-next":
    case "label-value":
      if (lower === "ip") return called(state, "ip")
      if (state.expect === "label-value") {
        state.expect = "stage-next"
        return "label"
      }
      if (LOGIC.has(lower)) {
        state.expect = "stage"
        state.stage = "filter"
        return "keyword"
      }
      state.label = text
      state.expect = "label-op"
      return "label"
    case "filter-value":
      if (lower === "ip") return called(state, "ip")
      return "plain"
    case "pipeline":
      if (lower === "or") state.expect = "filter-value"
      if (lower === "offset") state.expect = "offset"
      return "keyword"
    case "call":
    case "aggregate":
    case "operator":
    case "ranged":
      if (lower === "offset") {
        state.expect = "offset"
        return "keyword"
      }
      if (LOGIC.has(lower)) {
        state.expect = "start"
        return "keyword"
      }
  }
  return "plain"
}

function called(state, fn) {
  state.fn = fn
  state.expect = "call"
  return "function"
}

function sign(state, text) {
  const { expect } = state
  if (text === "{") {
    state.open.push("{")
    state.matchers = []
    state.expect = "matcher-label"
  } else if (text === "}") {
    state.open.pop()
    state.expect = "pipeline"
  } else if (text === "(") opened(state)
  else if (text === ")") closed(state)
  else if (text === ",") comma(state)
  else if (expect === "matcher-op" && COMPARING.has(text)) {
    state.op = text
    state.expect = "matcher-value"
  } else if (["label-op", "stage-next", "labels-next"].includes(expect) && COMPARING.has(text)) state.expect = "label-value"
  else if (text === "|") state.expect = "stage"
  else if (LINE_FILTERS.has(text) && ["pipeline", "label-next", "stage-next", "stage-arguments", "ranged"].includes(expect)) state.expect = "filter-value"
  else if (["operator", "ranged"].includes(expect)) state.expect = "start"
  return "sign"
}

function opened(state) {
  const fn = { grouping: "labels", call: state.fn, aggregate: state.fn }[state.expect] ?? ""
  state.open.push(fn)
  if (fn === "labels") state.expect = "labels"
  else if (fn === "ip") state.expect = "filter-value"
  else if (CONVERSIONS.has(fn) && state.stage === "unwrap") state.expect = "stage-label"
  else if (state.expect !== "stage") state.expect = "start"
}

function closed(state) {
  const fn = state.open.pop()
  if (fn === "labels") state.expect = state.after
  else if (fn === "ip") state.expect = state.stage === "filter" ? "label-next" : "pipeline"
  else if (CONVERSIONS.has(fn)) state.expect = "pipeline"
  else if (!["label-next", "pipeline"].includes(state.expect)) state.expect = "operator"
  if (state.expect === "operator") state.fn = fn
}

function comma(state) {
  const { expect, stage } = state
  if (state.open.at(-1) === "{") state.expect = "matcher-label"
  else if (state.open.at(-1) === "labels") state.expect = "labels"
  else if (expect === "label-next") state.expect = "stage"
  else if (expect === "stage-next" || expect === "stage-arguments") state.expect = stage === "filter" ? "stage" : "stage-label"
  else state.expect = "start"
}

// What could stand at the caret: where a choice begins and ends, what is typed of it, the choices, and `need`: a label
// whose values the server knows. `bold`: one choice is taken by Enter without having been walked to.
export function suggest(text, caret, labels, values) {
  const before = pieces(text.slice(0, caret))
  const last = before.at(-1)
  let typed = ""
  if (last && (["word", "flag"].includes(last.kind) || unfinished(last))) typed = before.pop().text
  const state = walk(before)
  const found = choices(state, typed, labels, values)
  if (["stage", "stage-label", "labels"].includes(state.expect)) withFields(found, parsing(pieces(text)), state, labels, values)
  const inString = /^["`]/.test(typed)
  const wanted = (inString ? typed.slice(1) : typed.replace(/^\[/, "")).toLowerCase()
  const ranked = rank(found.words, wanted)
  return {
    from: caret - typed.length,
    to: caret + following(text, caret, typed),
    words: ranked,
    need: found.need,
    bold: wanted.length > 0 && Boolean(found.sure) && !ranked.some(word => word[0].toLowerCase() === wanted),
    sure: Boolean(found.sure) || wanted.length > 0,
  }
}

function unfinished({ kind, text }) {
  if (kind === "range") return !text.endsWith("]")
  return kind === "string" && (text.length < 2 || text.at(-1) !== text[0] || /(^|[^\\])(\\\\)*\\"$/.test(text))
}

// The rest of a word, string or range that the caret stands in: it is replaced as well.
function following(text, caret, typed) {
  const rest = text.slice(caret)
  if (typed[0] === '"') return /^[^"\n]*"/.exec(rest)?.[0].length ?? 0
  if (typed[0] === "`") return /^[^`\n]*`/.exec(rest)?.[0].length ?? 0
  if (typed[0] === "[") return /^\w*\]/.exec(rest)?.[0].length ?? 0
  return typed ? /^[\p{L}\p{N}_]*/u.exec(rest)[0].length : 0
}

function rank(words, wanted) {
  const lower = words.map(word => [word, word[0].toLowerCase()])
  const starting = lower.filter(([, name]) => name.startsWith(wanted))
  const holding = wanted.length > 1 ? lower.filter(([, name]) => !name.startsWith(wanted) && name.includes(wanted)) : []
  return [...starting, ...holding].map(([word]) => word).slice(0, 60)
}

function choices(state, typed, labels, values) {
  const asLabels = labels.map(name => [name, "label", name])
  const inString = /^["`]/.test(typed)
  const ranges = WORDS.spans.map(([span]) => [span, "range", `[${span}]`])
  if (typed[0] === "[") return { words: ranges, sure: true }
  if (inString && !["matcher-value", "label-value"].includes(state.expect)) return { words: [] }
  const inRange = state.open.some(fn => fn.endsWith("_over_time") || fn.startsWith("rate") || fn === "bytes_rate")
  switch (state.expect) {
    case "start":
      return { words: [["{", "streams by their labels", "{$0}"], ...WORDS.functions] }
    case "matcher-label":
      return { words: labels.map(name => [name, "label", `${name}="$0"`]), sure: true }
    case "matcher-op":
      return { words: WORDS.matchers, sure: true }
    case "matcher-value":
      return known(state, typed, values, state.matchers.filter(each => each.label !== state.label))
    case "matcher-next":
      return { words: [[",", "and another label", ", $0"], ["}", "that is all", "} "]] }
    case "labels":
      return { words: asLabels, sure: true }
    case "labels-next":
      return { words: [[",", "and by", ", $0"], [")", "that is all", ") "]] }
    case "grouping":
      return { words: [["(", "labels", "($0)"], ...(state.after === "start" ? WORDS.functions : [])] }
    case "aggregate":
      return { words: [...WORDS.groupings, ["(", "of", "($0)"]] }
    case "call":
      return { words: [["(", "of", "($0)"]] }
    case "stage":
      return { words: [...WORDS.parsers, ...WORDS.formats, ...labels.map(name => [name, "label", `${name} `])].filter(word => inRange || word[0] !== "unwrap"), sure: true }
    case "stage-label":
      return { words: [...(state.stage === "unwrap" && !CONVERSIONS.has(state.open.at(-1)) ? WORDS.conversions : []), ...asLabels], sure: true }
    case "stage-arguments":
      return { words: [...(state.stage === "logfmt" ? WORDS.flags : []), ...WORDS.filters] }
    case "label-op":
      return { words: WORDS.comparisons }
    case "label-value":
      return labels.includes(state.label) ? known(state, typed, values, []) : { words: [] }
    case "label-next":
      return { words: [["and", "both", "and "], ["or", "either", "or "], ...WORDS.filters] }
    case "pipeline":
    case "stage-next":
      return { words: [...(inRange ? ranges.slice(0, 4).map(([, does, insert]) => [insert, does, insert]) : []), ...WORDS.filters] }
    case "ranged":
      return { words: WORDS.others.filter(word => word[0] === "offset") }
    case "operator":
      return { words: [...(AGGREGATORS.has(state.fn) ? WORDS.groupings : []), ...WORDS.operators] }
  }
  return { words: [] }
}

// What the lines themselves hold, beside the labels of their streams.
function withFields(found, selector, state, labels, values) {
  if (!selector) return
  const need = { label: "", selector, prefix: "" }
  const fields = values[JSON.stringify(["", selector, ""])]?.values
  if (!fields) found.need = need
  const tail = state.expect === "stage" ? " " : ""
  found.words = [...found.words, ...(fields ?? []).filter(name => !labels.includes(name)).map(name => [name, "field", name + tail])]
}

function known(state, typed, values, others) {
  const need = { label: state.label, selector: others.length ? `{${others.map(each => each.text).join(", ")}}` : "", prefix: "" }
  const key = () => JSON.stringify([need.label, need.selector, need.prefix])
  if (values[key()]?.more) need.prefix = typed.slice(1)
  const found = values[key()]
  const words = (found?.values ?? []).map(value => [value, `a value of ${state.label}`, JSON.stringify(value)])
  return { words, need: found ? null : need, sure: true }
}
