import Linux

/// Shows how far a long operation has come: one line on stderr that is redrawn where that is a terminal, otherwise an
/// INFO line now and then. Says nothing below the level of INFO.
package final class ProgressLine {
    private let verb: String
    /// In bytes; 0 when unknown.
    private let total: Int64
    private let isTerminal: Bool
    private let start = monotonicMilliseconds()
    private var told: Int64
    private var isDrawn = false

    /// - Parameter verb: `Packing`.
    package convenience init(_ verb: String, total: Int64) {
        self.init(verb, total: total, isTerminal: Linux.isTerminal(2))
    }

    init(_ verb: String, total: Int64, isTerminal: Bool) {
        (self.verb, self.total, self.isTerminal) = (verb, total, isTerminal)
        told = start
    }

    deinit { clear() }

    /// - Parameter bytes: done so far.
    package func advance(to bytes: Int64) {
        guard Log.level >= Log.Level.info.rawValue else { return }
        let now = monotonicMilliseconds()
        let (onTerminals, elsewhere) = ProgressShare.intervals
        guard now - told >= (isTerminal ? onTerminals : elsewhere) else { return }
        told = now
        if isTerminal {
            // Carriage return and "erase to the end of the line"; ECMA-48. A line that wrapped could not be drawn over.
            let room = (terminalColumns(2) ?? 80) - Self.prefix.utf8.count
            let text = text(bytes, milliseconds: now - start, columns: room)
            try? writeFully(2, "\r" + Self.prefix + text + "\u{1B}[K")
            isDrawn = true
        } else {
            Log.info(text(bytes, milliseconds: now - start))
        }
    }

    /// Removes the line, and reports the outcome as INFO, with the average rate.
    package func finish(_ text: String, bytes: Int64) {
        clear()
        Log.info(text + " (" + Self.rate(bytes, milliseconds: monotonicMilliseconds() - start) + ")")
    }

    private func clear() {
        if isDrawn { try? writeFully(2, "\r\u{1B}[K") }
        isDrawn = false
    }

    private static let prefix = "INFO:    "

    /// Returns `Packing  45% [#########           ]   92.1 MiB of 206.0 MiB, 87.3 MiB/s`, with less where there is no
    /// room for it.
    ///
    /// - Parameter columns: the terminal's width; the last stays empty, because some terminals wrap after it.
    func text(_ bytes: Int64, milliseconds: Int64, columns: Int = 80) -> String {
        let rate = Self.rate(bytes, milliseconds: milliseconds)
        guard total > 0 else {
            return firstThatFits(
                ["\(verb) \(byteText(bytes)), \(rate)", "\(verb) \(byteText(bytes))", byteText(bytes)], columns)
        }
        let share = ProgressShare(bytes, of: total)
        let percent = String(share.percent)
        let line = isTerminal ? " " + share.bar(20, mark: "#") : ""
        let blanks = String(repeating: " ", count: max(0, 3 - percent.utf8.count))
        let start = "\(verb) \(isTerminal ? blanks : "")\(percent)%"
        let size = "\(byteText(bytes)) of \(byteText(total)), \(rate)"
        return firstThatFits([start + line + " " + size, start + line, start, percent + "%"], columns)
    }

    private static func rate(_ bytes: Int64, milliseconds: Int64) -> String {
        let perSecond = Double(bytes) * 1000 / Double(max(1, milliseconds))
        return byteText(Int64(min(perSecond, 1e18))) + "/s"
    }
}
