/// How much of a task is done, in the forms in which progress is shown.
package struct ProgressShare {
    /// From 0 to 1.
    private let part: Double

    /// - Parameter total: 0 for a task that has nothing to do and so is done.
    package init(_ done: Int64, of total: Int64) {
        part = total > 0 ? min(1, max(0, Double(done) / Double(total))) : 1
    }

    package var percent: Int { Int(part * 100) }

    /// Returns `[####    ]` with this many characters between the brackets.
    package func bar(_ width: Int, mark: String) -> String {
        let count = Int(part * Double(width))
        return "[" + String(repeating: mark, count: count) + String(repeating: " ", count: width - count) + "]"
    }

    /// How often progress is shown on terminals, and elsewhere; in milliseconds.
    package static let intervals: (terminals: Int64, others: Int64) = (100, 10_000)
}

/// Returns the first of several texts that leaves the last column empty; if none does, the start of the last one.
package func firstThatFits(_ texts: [String], _ columns: Int) -> String {
    let room = max(0, columns - 1)
    return texts.first { $0.count <= room } ?? String((texts.last ?? "").prefix(room))
}
