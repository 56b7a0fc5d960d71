import Base
import Core
import Linux
import Synchronization

/// Progress of downloads: on a terminal a bar for each and one for all, elsewhere an INFO line every ten seconds. Any thread
/// counts, one thread draws.
package final class Progress: Sendable {
    /// The progress of one download.
    package final class Bar: Sendable {
        let name: String
        let total: Int64
        private let count = Atomic<Int64>(0)
        private let ended = Atomic<Bool>(false)

        init(_ name: String, total: Int64) { (self.name, self.total) = (name, total) }

        package var current: Int64 { count.load(ordering: .relaxed) }
        var isFinished: Bool { ended.load(ordering: .relaxed) }

        package func advance(_ bytes: Int64) { count.add(bytes, ordering: .relaxed) }
        package func set(_ bytes: Int64) { count.store(bytes, ordering: .relaxed) }
        func restart() { count.store(0, ordering: .relaxed) }
        package func finish() {
            count.store(total, ordering: .relaxed)
            ended.store(true, ordering: .relaxed)
        }
    }

    private let isShown: Bool
    private let isTerminal: Bool
    /// Between two lines where there is no terminal, in milliseconds.
    private let interval: Int64
    private let state = Mutex<State>(State())

    private struct State {
        var bars: [Bar] = []
        var isRunning = false
        var isEnded = false
        var linesDrawn = 0
        /// The text on the terminal.
        var drawn = ""
    }

    /// - Parameter isQuiet: whether nothing is drawn, because a program reads the output.
    package convenience init(isQuiet: Bool = false) {
        self.init(isQuiet: isQuiet, isTerminal: terminalName(2) != nil, interval: ProgressShare.intervals.others)
    }

    init(isQuiet: Bool, isTerminal: Bool, interval: Int64) {
        isShown = !isQuiet && Log.level >= Log.Level.info.rawValue
        (self.isTerminal, self.interval) = (isTerminal, interval)
    }

    /// - Parameter isDrawn: false for something too small to be of interest.
    package func bar(_ name: String, total: Int64, isDrawn: Bool = true) -> Bar {
        let bar = Bar(name, total: total)
        guard isShown, isDrawn else { return bar }
        let mustStart = state.withLock { state in
            state.bars.append(bar)
            defer { state.isRunning = true }
            return !state.isRunning && !state.isEnded
        }
        if mustStart { try? startThread { self.draw() } }
        return bar
    }

    private func draw() {
        var told = monotonicMilliseconds()
        while true {
            let isDue = !isTerminal && monotonicMilliseconds() - told >= interval
            if isDue { told = monotonicMilliseconds() }
            let isEnded = state.withLock { state in
                if !state.isEnded, isTerminal { Self.write(&state) }
                if !state.isEnded, isDue, let text = Self.report(state.bars) { Log.info(text) }
                return state.isEnded
            }
            if isEnded { return }
            pause(milliseconds: ProgressShare.intervals.terminals)
        }
    }

    /// `Transferred 45%: 92.10 MiB / 206.00 MiB`, of all that is on its way; nil when nothing is.
    static func report(_ bars: [Bar]) -> String? {
        guard bars.contains(where: { !$0.isFinished }) else { return nil }
        let (done, all) = (bars.reduce(Int64(0)) { $0 + $1.current }, bars.reduce(Int64(0)) { $0 + $1.total })
        let share = all > 0 ? " \(ProgressShare(done, of: all).percent)%" : ""
        return "Transferred\(share): \(byteText(done, .hundredths))"
            + (all > 0 ? " / \(byteText(all, .hundredths))" : "")
    }

    /// Draws for the last time, so that the next output begins on its own line.
    package func end() {
        guard isShown else { return }
        state.withLock { state in
            guard !state.isEnded, state.isRunning else { return }
            state.isEnded = true
            if isTerminal { Self.write(&state) }
        }
    }

    private static func write(_ state: inout State) {
        var text = ""
        let columns = terminalColumns(2) ?? 80
        // More bars than the terminal has lines would scroll; finished ones are left out first.
        let open = state.bars.filter { !$0.isFinished }
        let shown = Array((state.bars.filter(\.isFinished) + open).suffix(12))
        for bar in shown { text += "\r\u{1B}[K" + line(bar.name, bar.current, bar.total, columns) + "\n" }
        var lines = shown.count
        if state.bars.count > 1 {
            let current = state.bars.reduce(Int64(0)) { $0 + $1.current }
            text += "\r\u{1B}[K" + line("total", current, state.bars.reduce(0) { $0 + $1.total }, columns) + "\n"
            lines += 1
        }
        // Unchanged text is not drawn again: programs that watch the output of this process would take it for progress.
        guard text != state.drawn else { return }
        let above = state.linesDrawn > 0 ? "\u{1B}[\(state.linesDrawn)A" : ""
        (state.linesDrawn, state.drawn) = (lines, text)
        try? writeFully(2, above + text)
    }

    /// One line, of less where the terminal is narrow: one that wrapped could not be drawn over.
    static func line(_ name: String, _ current: Int64, _ total: Int64, _ columns: Int) -> String {
        let share = ProgressShare(current, of: total)
        let label = name + String(repeating: " ", count: max(0, 12 - name.count))
        let size = "\(byteText(current, .hundredths)) / \(byteText(total, .hundredths))"
        let percent = "\(share.percent)%"
        return firstThatFits(
            [
                "\(label) \(share.bar(32, mark: "=")) \(size)", "\(label) \(size)", "\(label) \(percent)",
                "\(name) \(percent)",
            ], columns)
    }
}
