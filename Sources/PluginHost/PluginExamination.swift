package import Base
import CLinux
package import Core
import Linux
import PluginAPI

/// What a plugin found out about the host: `skiff_finding`.
package struct PluginFinding: Sendable, Equatable {
    package enum Level: UInt32, Sendable {
        case fine = 1
        case note, warning, fault
    }

    package let level: Level
    package let probe: String
    package let fact: String
    package let effect: String?
    package let cure: String?
}

/// What came of asking one plugin.
package enum PluginExamination: Sendable {
    case findings([PluginFinding])
    case failed(SkiffError)
}

extension InstalledPlugins {
    /// Asks each enabled plugin with `skiff.doctor/1`, in a process of its own.
    package func examine(_ settings: Settings, _ installation: Installation)
        throws(SkiffError) -> [(plugin: String, answer: PluginExamination)]
    {
        var answers: [(plugin: String, answer: PluginExamination)] = []
        for manifest in enabled where manifest.extensions.contains(SKIFF_EXT_DOCTOR) {
            do throws(SkiffError) {
                let process = try during("cannot start a process for it") { () throws(Errno) in
                    try LoneProcess { manifest.examination(directory, settings, installation) }
                }
                answers.append((manifest.id, try PluginExamination(try process.answer(of: manifest.id))))
            } catch {
                answers.append((manifest.id, .failed(error)))
            }
        }
        return answers
    }
}

extension Manifest {
    /// In the process of its own.
    fileprivate func examination(
        _ directory: String, _ settings: Settings, _ installation: Installation
    ) -> [UInt8] {
        var facts = SessionFacts(request: Request(action: .exec, image: ""), installation: installation)
        facts.configuration = InstalledPlugins.configuration(settings, [self])
        let trust = Trust.ofThisProcess
        facts.isPrivileged = trust.isPrivileged
        facts.isRootless = effectiveUID() != 0
        facts.findProgram =
            (trust.isPrivileged ? ProgramPath(settings, own: ProgramPath.system) : ProgramPath(settings)).find
        // Standard output is for the findings.
        _ = dup2(2, 1)
        do throws(SkiffError) {
            let session = Session(plugin: try Loader(directory: directory, trust: trust).load(self), facts: facts)
            return PluginExamination.findings(try session.examine()).bytes
        } catch {
            return PluginExamination.failed(error).bytes
        }
    }
}

extension Session {
    /// Returns what the plugin says about the host.
    func examine() throws(SkiffError) -> [PluginFinding] {
        guard let examine = plugin.doctor.examine else { return [] }
        let taker = FindingTaker(self)
        try during(.configure) { () throws(SkiffError) in
            _ = try plugin.call("examine") {
                examine(plugin.object, pointer, takeFinding, Unmanaged.passUnretained(taker).toOpaque())
            }
        }
        if let problem = taker.problem { throw plugin.manifest.failure("examine", problem) }
        return taker.findings
    }
}

private final class FindingTaker {
    private(set) var findings: [PluginFinding] = []
    private(set) var problem: String?
    private let session: Session

    init(_ session: Session) { self.session = session }

    private static let most = 64

    func take(_ given: UnsafePointer<skiff_finding>?) -> Int32 {
        guard findings.count < Self.most else { return refuse("it finds more than \(Self.most) things") }
        guard let read = readRequest(given, into: skiff_finding()) else {
            return refuse("a finding is made for a newer skiff")
        }
        guard let level = PluginFinding.Level(rawValue: read.level) else {
            return refuse("a finding has the unknown level \(read.level)")
        }
        guard let probe = text(read.probe), let fact = text(read.fact), !probe.isEmpty, !fact.isEmpty else {
            return refuse("a finding lacks probe or fact")
        }
        findings.append(
            PluginFinding(level: level, probe: probe, fact: fact, effect: text(read.effect), cure: text(read.cure)))
        return SKIFF_OK
    }

    private func refuse(_ problem: String) -> Int32 {
        self.problem = self.problem ?? problem
        return session.refuse(SKIFF_E_INVALID, problem)
    }
}

private func takeFinding(_ context: UnsafeMutableRawPointer?, _ finding: UnsafePointer<skiff_finding>?) -> Int32 {
    guard let context else { return SKIFF_E_INVALID }
    return Unmanaged<FindingTaker>.fromOpaque(context).takeUnretainedValue().take(finding)
}

// MARK: the answer of the process

extension PluginExamination {
    private static let version = "skiff-examination-1"
    private enum Key {
        static let failure = "failure"
        static let hint = "hint"
        static let level = "level"
        static let probe = "probe"
        static let fact = "fact"
        static let effect = "effect"
        static let cure = "cure"
    }

    /// A finding is five fields; one that has no text is empty.
    fileprivate var bytes: [UInt8] {
        var writer = FieldWriter(version: Self.version)
        switch self {
        case .failed(let error):
            writer.put(Key.failure, SkiffError(error.message, errno: error.errno).description)
            if let hint = error.hint { writer.put(Key.hint, hint) }
        case .findings(let findings):
            for finding in findings {
                writer.put(Key.level, "\(finding.level.rawValue)")
                writer.put(Key.probe, finding.probe.printable)
                writer.put(Key.fact, finding.fact.printable)
                writer.put(Key.effect, (finding.effect ?? "").printable)
                writer.put(Key.cure, (finding.cure ?? "").printable)
            }
        }
        return writer.bytes
    }

    fileprivate init(_ bytes: [UInt8]) throws(SkiffError) {
        guard let reader = FieldReader(bytes, version: Self.version) else {
            throw SkiffError("its answer cannot be read")
        }
        if let message = reader.value(Key.failure) {
            self = .failed(SkiffError(message, hint: reader.value(Key.hint)))
            return
        }
        let columns = [Key.level, Key.probe, Key.fact, Key.effect, Key.cure].map { reader.values($0) }
        guard columns.allSatisfy({ $0.count == columns[0].count }) else {
            throw SkiffError("its answer cannot be read")
        }
        func text(_ value: String) -> String? { value.isEmpty ? nil : value }
        self = .findings(
            columns[0].indices.compactMap { row in
                guard let level = UInt32(columns[0][row]).flatMap({ PluginFinding.Level(rawValue: $0) }) else {
                    return nil
                }
                return PluginFinding(
                    level: level, probe: columns[1][row], fact: columns[2][row], effect: text(columns[3][row]),
                    cure: text(columns[4][row]))
            })
    }
}
