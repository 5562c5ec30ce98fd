// PEER program: go debian: golang-go as: go
// Go's collector on the same work as pause.h: a thread churns while
// another calls runtime.GC back to back. No collection starts by itself.

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	window = 1024
	alone  = 64
	least  = 2
	rest   = 100 * time.Microsecond
)

// As large as the others': two references and 16 bytes.
type node struct {
	left, right *node
	_           [2]uint64
}

type pause struct {
	nodes       int
	root        *node
	window      []*node
	edges       []*node
	random      uint32
	collections int64
}

func next(state *uint32) uint32 {
	x := *state
	x ^= x << 13
	x ^= x >> 17
	x ^= x << 5
	*state = x
	return x
}

func graph(nodes int) *node {
	slots := make([]*node, nodes)
	for i := range slots {
		slots[i] = new(node)
	}
	random := uint32(88172645)
	order := make([]uint32, nodes)
	for i := range order {
		k := next(&random) % uint32(i+1)
		order[i] = order[k]
		order[k] = uint32(i)
	}
	for i := range slots {
		left, right := 2*i+1, 2*i+2
		if left >= nodes {
			left = int(next(&random) % uint32(nodes))
		}
		if right >= nodes {
			right = int(next(&random) % uint32(nodes))
		}
		slots[order[i]].left = slots[order[left]]
		slots[order[i]].right = slots[order[right]]
	}
	return slots[order[0]]
}

func (p *pause) leaf() *node {
	at, place := p.root, 0
	for 2*place+2 < p.nodes {
		right := int(next(&p.random) & 1)
		place = 2*place + 1 + right
		if right == 1 {
			at = at.right
		} else {
			at = at.left
		}
	}
	return at
}

func (p *pause) operation(i uint64) {
	random := next(&p.random)
	made := new(node)
	if i%alone == 0 {
		made.left = made
	}
	p.window[random%window] = made
	p.edges[(random>>10)%window].left = p.edges[(random>>20)%window]
}

// Churns for so long, and for some collections. Returns the largest gap.
func (p *pause) churn(length time.Duration, collecting bool) time.Duration {
	wanted := atomic.LoadInt64(&p.collections) + least
	start := time.Now()
	last, gap := start, time.Duration(0)
	for i := uint64(0); ; i++ {
		p.operation(i)
		now := time.Now()
		if now.Sub(last) > gap {
			gap = now.Sub(last)
		}
		last = now
		if now.Sub(start) < length {
			continue
		}
		if !collecting || atomic.LoadInt64(&p.collections) >= wanted {
			return gap
		}
	}
}

// How long the thread waited for a core, as bench_waited says it.
func waited() float64 {
	text, err := os.ReadFile("/proc/thread-self/schedstat")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	ns, _ := strconv.ParseFloat(fields[1], 64)
	return ns
}

func (p *pause) sample(o options, collecting bool) (float64, float64) {
	before, start := waited(), time.Now()
	gap := p.churn(o.length, collecting)
	share := 1 - (waited()-before)/float64(time.Since(start))
	return float64(gap) / 1e3, share
}

func show(nodes int, rest, unit string, samples []float64, share float64) {
	var texts []string
	low := samples[0]
	for _, s := range samples {
		texts = append(texts, fmt.Sprintf("%.3f", s))
		if s < low {
			low = s
		}
	}
	fmt.Printf("pause nodes=%d %s who=go %s=%.3f min=%.3f spread=0.0%% runs=%d "+
		"cpu=%.0f%% samples=%s\n", nodes, rest, unit, samples[len(samples)/2],
		low, len(samples), 100*share, strings.Join(texts, ","))
}

func (p *pause) series(o options, collecting bool, rest string) {
	var gaps, counts []float64
	least := 1.0
	for len(gaps) < o.runs {
		before := atomic.LoadInt64(&p.collections)
		gap, share := p.sample(o, collecting)
		gaps = append(gaps, gap)
		done := atomic.LoadInt64(&p.collections) - before
		counts = append(counts, float64(done))
		if share < least {
			least = share
		}
	}
	show(p.nodes, "of=gap "+rest, "us", gaps, least)
	if collecting {
		show(p.nodes, "of=collections "+rest, "count", counts, least)
	}
}

func (p *pause) measure(o options) {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	p.random = 2463534242
	p.root = graph(p.nodes)
	for i := 0; i < window; i++ {
		p.window = append(p.window, new(node))
		p.edges = append(p.edges, p.leaf())
	}
	p.series(o, false, "collect=off")
	runtime.GC()
	go func() {
		for {
			runtime.GC()
			atomic.AddInt64(&p.collections, 1)
			time.Sleep(rest)
		}
	}()
	p.series(o, true, "collect=on")
}

type options struct {
	runs   int
	length time.Duration
	only   string
	nodes  int // of the process that measures
}

func parse() options {
	o := options{runs: 9, length: 40 * time.Millisecond}
	for i := 2; i < len(os.Args); i++ {
		switch number := 0; os.Args[i] {
		case "--samples":
		case "--only":
			i++
			o.only = os.Args[i]
		default:
			number, _ = strconv.Atoi(os.Args[i+1])
			switch os.Args[i] {
			case "--runs":
				o.runs = number
			case "--ms":
				o.length = time.Duration(number) * time.Millisecond
			case "--nodes":
				o.nodes = number
			}
			i++
		}
	}
	return o
}

func main() {
	if len(os.Args) < 2 || os.Args[1] != "pause" {
		fmt.Fprintln(os.Stderr, "use: go pause [option]...")
		os.Exit(2)
	}
	o := parse()
	if o.nodes != 0 {
		(&pause{nodes: o.nodes}).measure(o)
		return
	}
	for _, nodes := range []int{10000, 1000000, 10000000} {
		if !strings.Contains(fmt.Sprintf("nodes=%d ", nodes), o.only) {
			continue
		}
		again := append(os.Args[1:], "--nodes", strconv.Itoa(nodes))
		child := exec.Command(os.Args[0], again...)
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if err := child.Run(); err != nil {
			os.Exit(1)
		}
	}
}
