// What Go's own text/template makes of templates: one JSON object a line in, one a line out.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"text/template"
	"time"
)

type question struct {
	Text   string
	Labels map[string]string
	Line   string
	Ts     int64
}

type answer struct {
	Refused string // the template cannot be read
	Failed  string // it failed on this line
	Text    string
}

func functions(q question) template.FuncMap {
	return template.FuncMap{
		"__line__":      func() string { return q.Line },
		"__timestamp__": func() time.Time { return time.Unix(0, q.Ts) },
		"ToUpper":       strings.ToUpper,
		"Replace":       strings.Replace,
		"TrimLeft":      strings.TrimLeft,
		"lower":         strings.ToLower,
		"title":         strings.Title,
		"trim":          strings.TrimSpace,
		"urlencode":     url.QueryEscape,
		"urldecode":     url.QueryUnescape,
		"repeat":        func(count int, text string) string { return strings.Repeat(text, count) },
		"contains":      func(part, text string) bool { return strings.Contains(text, part) },
		"fromJson": func(text string) (value any) {
			if json.Unmarshal([]byte(text), &value) != nil && value == nil {
				return nil
			}
			return value
		},
		"toDateInZone": func(layout, zone, text string) time.Time {
			location, err := time.LoadLocation(zone)
			if err != nil {
				location = time.UTC
			}
			t, _ := time.ParseInLocation(layout, text, location)
			return t
		},
	}
}

func ask(q question) (a answer) {
	t, err := template.New("line").Option("missingkey=zero").Funcs(functions(q)).Parse(q.Text)
	if err != nil {
		a.Refused = err.Error()
		return a
	}
	var text bytes.Buffer
	if err := t.Execute(&text, q.Labels); err != nil {
		a.Failed = err.Error()
		return a
	}
	a.Text = text.String()
	return a
}

func main() {
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	out := json.NewEncoder(os.Stdout)
	for {
		var q question
		if in.Decode(&q) != nil {
			return
		}
		if err := out.Encode(ask(q)); err != nil {
			panic(err)
		}
	}
}
