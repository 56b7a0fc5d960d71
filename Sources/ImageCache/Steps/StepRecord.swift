/// A dependency of the result of a build step, with a name that explains a cache miss.
package struct StepFact: Sendable, Equatable {
    /// The name for users: `its text`, `the copied files`.
    package let name: String
    /// The value, or a digest of it.
    package let value: String

    package init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
}

/// The record of a kept step: lines of a name, a space, and a value.
package struct StepRecord: Sendable, Equatable {
    /// The step in its stage: `2 %post`.
    package var title: String
    /// The instance of the result below it; empty for a base. A result that is made again gets a new instance, so that
    /// what was built on the old one is never used with the new one.
    package var parent: String
    /// A random name, made when the result was kept.
    package var instance: String
    package var facts: [StepFact]
    /// When the step ended, in seconds since 1970.
    package var time: Int64
    /// Disk space that it takes, in bytes.
    package var size: Int64
    /// The boot during which it was written. Until it is known to be on disk, it is valid for that boot only.
    package var boot: String

    package init(
        title: String, parent: String, instance: String, facts: [StepFact], time: Int64, size: Int64,
        boot: String? = nil
    ) {
        (self.title, self.parent, self.instance, self.facts) = (title, parent, instance, facts)
        (self.time, self.size, self.boot) = (time, size, boot ?? LeaseHolder.boot)
    }

    var bytes: [UInt8] {
        var lines = ["title \(title)", "parent \(parent)", "instance \(instance)"]
        lines += ["time \(time)", "size \(size)", "boot \(boot)"]
        lines += facts.map { "fact \($0.name.replacing("=", with: "-"))=\($0.value)" }
        return Array((lines.map { $0.replacing("\n", with: " ") }.joined(separator: "\n") + "\n").utf8)
    }

    /// - Returns: nil when the bytes are not a record.
    init?(_ bytes: [UInt8]) {
        var values: [String: String] = [:]
        var facts: [StepFact] = []
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            if parts[0] == "fact" {
                let fact = parts[1].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard fact.count == 2 else { return nil }
                facts.append(StepFact(String(fact[0]), String(fact[1])))
            } else {
                values[String(parts[0])] = String(parts[1])
            }
        }
        guard let title = values["title"], let parent = values["parent"], let instance = values["instance"],
            let time = values["time"].flatMap({ Int64($0) }), let size = values["size"].flatMap({ Int64($0) }),
            let boot = values["boot"], size >= 0
        else { return nil }
        self.init(
            title: title, parent: parent, instance: instance, facts: facts, time: time, size: size, boot: boot)
    }
}
