import Base
import Linux

/// What is written into one file of a cgroup, and how the kernel answers when it has taken it.
struct CgroupSetting: Sendable, Equatable {
    enum Answer: Sendable, Equatable {
        /// A number, which the kernel may round down to whole pages; nil for no limit.
        case number(Int64?)
        /// The same words.
        case words(String)
        /// The same set of numbers: `0-2,4`.
        case numbers(String)
        /// A line that begins with the first word and holds the other ones.
        case line([String])
    }

    struct Content: Sendable, Equatable {
        var file: String
        var value: String
        var answer: Answer
    }

    /// In version 2's name.
    var controller: String
    /// The first whose file the kernel has is written: schedulers have files of their own.
    var contents: [Content]
    /// For messages.
    var limit: CgroupLimit
}

extension CgroupSetting.Content {
    /// Whether the file holds what was asked for.
    func isAnswered(by text: String) -> Bool {
        let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        switch answer {
        case .number(let wanted):
            guard let word = lines.first?.first else { return false }
            // Version 1 says so by a number near the highest one, or by -1.
            let found = word == "max" ? nil : Int64(word).flatMap { $0 < 0 || $0 > 1 << 60 ? nil : $0 }
            // As cgroups.toml has it, too.
            guard let wanted, wanted <= 1 << 60, let found else {
                return wanted.map { $0 > 1 << 60 } != false && found == nil
            }
            return found <= wanted && wanted - found < Self.largestPage
        case .words(let wanted): return lines.first == wanted.split(separator: " ").map(String.init)
        case .numbers(let wanted):
            guard let found = lines.first?.first.flatMap(NumberSet.init) else { return false }
            return found == NumberSet(wanted)
        case .line(let words):
            return lines.contains { line in line.first == words.first && words.allSatisfy { line.contains($0) } }
        }
    }

    /// In bytes: pages have 4 to 64 KiB.
    private static let largestPage: Int64 = 65536
}

extension CgroupLimit {
    /// Whether a text names processors or memory nodes: `0-2,4`.
    package static func isNumberSet(_ text: String) -> Bool { NumberSet(text) != nil }
}

/// A set of small numbers as cpuset(7), "List format", writes them.
struct NumberSet: Equatable {
    private let numbers: Set<Int>

    /// - Returns: nil for anything else.
    init?(_ text: String) {
        var numbers: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first >= 0,
                first <= last, last < 65536
            else { return nil }
            numbers.formUnion(first...last)
        }
        self.numbers = numbers
    }
}
