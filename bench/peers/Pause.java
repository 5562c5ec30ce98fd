// PEER program: javac debian: openjdk-17-jdk-headless as: java_g1 java_shenandoah java_zgc
// The JVM's collectors on the same work as pause.h: a thread churns
// while another calls System.gc back to back, which the concurrent collectors
// answer with a concurrent collection. bench/CMakeLists.txt makes a program of
// it for each. The heap is large enough that few collections start by
// themselves.

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

final class Pause {
    static final int WINDOW = 1024;
    static final int ALONE = 64;
    static final int LEAST = 2;

    // 24 bytes with the header; 32 where references are not compressed (ZGC).
    static final class Node {
        Node left, right;
    }

    static int random = (int) 2463534242L;

    static int next(int x) {
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        return x;
    }

    static int nextRandom(int below) {
        random = next(random);
        return Integer.remainderUnsigned(random, below);
    }

    static int[] order(int nodes) {
        int[] order = new int[nodes];
        for (int i = 0; i < nodes; i++) {
            int k = nextRandom(i + 1);
            order[i] = order[k];
            order[k] = i;
        }
        return order;
    }

    static Node graph(int nodes) {
        Node[] slots = new Node[nodes];
        for (int i = 0; i < nodes; i++)
            slots[i] = new Node();
        random = 88172645;
        int[] order = order(nodes);
        for (int i = 0; i < nodes; i++) {
            int left = 2 * i + 1, right = 2 * i + 2;
            if (left >= nodes)
                left = nextRandom(nodes);
            if (right >= nodes)
                right = nextRandom(nodes);
            slots[order[i]].left = slots[order[left]];
            slots[order[i]].right = slots[order[right]];
        }
        return slots[order[0]];
    }

    final int nodes;
    final Node root;
    final Node[] window = new Node[WINDOW];
    final Node[] edges = new Node[WINDOW];
    final AtomicLong collections = new AtomicLong();

    Pause(int nodes) {
        this.nodes = nodes;
        root = graph(nodes);
        random = (int) 2463534242L;
        for (int i = 0; i < WINDOW; i++) {
            window[i] = new Node();
            edges[i] = leaf();
        }
    }

    Node leaf() {
        Node at = root;
        int place = 0;
        while (2 * place + 2 < nodes) {
            random = next(random);
            int right = random & 1;
            place = 2 * place + 1 + right;
            at = right == 1 ? at.right : at.left;
        }
        return at;
    }

    void operation(long i) {
        random = next(random);
        Node made = new Node();
        if (i % ALONE == 0)
            made.left = made;
        window[random & WINDOW - 1] = made;
        edges[random >>> 10 & WINDOW - 1].left =
            edges[random >>> 20 & WINDOW - 1];
    }

    // Churns for so long, and for some collections. Returns the largest gap.
    long churn(long length, boolean collecting) {
        long wanted = collections.get() + LEAST;
        long start = System.nanoTime(), last = start, gap = 0;
        for (long i = 0;; i++) {
            operation(i);
            long now = System.nanoTime();
            gap = Math.max(gap, now - last);
            last = now;
            if (now - start < length)
                continue;
            if (!collecting || collections.get() >= wanted)
                return gap;
        }
    }

    // How long the thread waited for a core, as bench_waited says it.
    static double waited() throws IOException {
        String text = Files.readString(Path.of("/proc/thread-self/schedstat"));
        return Double.parseDouble(text.split(" ")[1]);
    }

    void show(String rest, String unit, List<Double> samples, double share) {
        List<Double> sorted = samples.stream().sorted().toList();
        System.out.printf(Locale.ROOT,
            "pause nodes=%d %s who=%s %s=%.3f min=%.3f spread=0.0%% runs=%d "
            + "cpu=%.0f%% samples=%s%n", nodes, rest,
            System.getProperty("bench.who"), unit,
            sorted.get(sorted.size() / 2), sorted.get(0), sorted.size(),
            100 * share, sorted.stream()
                .map(s -> String.format(Locale.ROOT, "%.3f", s))
                .collect(Collectors.joining(",")));
    }

    void series(int runs, long length, boolean collecting) throws IOException {
        String rest = collecting ? "collect=on" : "collect=off";
        List<Double> gaps = new ArrayList<>(), counts = new ArrayList<>();
        double least = 1;
        while (gaps.size() < runs) {
            long before = collections.get(), start = System.nanoTime();
            double waited = waited();
            gaps.add(churn(length, collecting) / 1e3);
            double took = System.nanoTime() - start;
            least = Math.min(least, 1 - (waited() - waited) / took);
            counts.add((double) (collections.get() - before));
        }
        show("of=gap " + rest, "us", gaps, least);
        if (collecting)
            show("of=collections " + rest, "count", counts, least);
    }

    void collect() {
        for (;;) {
            System.gc();
            collections.incrementAndGet();
            try {
                Thread.sleep(0, 100_000);
            } catch (InterruptedException stop) {
                return;
            }
        }
    }

    void measure(int runs, long length) throws IOException {
        churn(1_000_000_000L, false); // it is compiled now
        System.gc();
        series(runs, length, false);
        System.gc();
        Thread collector = new Thread(this::collect);
        collector.setDaemon(true);
        collector.start();
        series(runs, length, true);
    }

    public static void main(String[] arguments) throws IOException {
        int runs = 9, nodes = 0;
        long length = 40_000_000L;
        for (int i = 0; i + 1 < arguments.length; i++) {
            switch (arguments[i]) {
            case "--runs" -> runs = Integer.parseInt(arguments[++i]);
            case "--ms" -> length = Long.parseLong(arguments[++i]) * 1_000_000;
            case "--nodes" -> nodes = Integer.parseInt(arguments[++i]);
            default -> { }
            }
        }
        new Pause(nodes).measure(runs, length);
    }
}
