package import Base
import Core
import Linux
package import Signing

/// The execution control list: which SIF files may run, by the keys that have signed them (Docs/spec/runtime.md §15).
package struct ExecutionControl {
    private let rules: ExecutionRules
    private let path: String

    /// Reads the list. - Throws: for one that cannot be read or is not understood; then nothing may run.
    package init(file path: String) throws(SkiffError) {
        self.path = path
        let file = ConfigurationFile(path, .administrator, name: "execution control list")
        rules = try ExecutionRules(parsing: try file.read(limit: 1 << 20) ?? [], name: path)
    }

    /// Refuses an image that no rule allows.
    ///
    /// - Parameters:
    ///   - image: its path, for messages.
    ///   - file: the open image itself: the file that will run.
    ///   - keys: those that are believed; the administrator's.
    package func check(image: String, file: CInt, keys: any KeySource) throws(SkiffError) {
        guard rules.isActivated else { return }
        let real = try during("cannot find out where image \(image) lies") { () throws(Errno) in
            try readLink("/proc/self/fd/\(file)")
        }
        guard let group = rules.group(of: real) else {
            throw refusal(image, "it is not part of any execgroup")
        }
        let signers: [Set<[UInt8]>]
        do throws(VerificationError) {
            let sif = try VerificationError.checked { () throws(SkiffError) in try SIFImage(reading: file) }
            let outcomes = try Verifier(file, sif, clearSigned: ClearSignVerifier([keys])).verify()
            let tasks = Set(sif.objects.map(\.group)).subtracting([0])
            // For each group of objects, the keys that have signed it.
            signers = tasks.map { number in
                Set(outcomes.filter { $0.task == .group(number) }.compactMap { $0.signer?.fingerprint })
            }
        } catch {
            throw refusal(image, error.description)
        }
        try check(image, group, signers)
    }

    private func check(_ image: String, _ group: ExecutionRules.Group, _ signers: [Set<[UInt8]>]) throws(SkiffError) {
        func hasSigned(_ text: String) -> Bool {
            let key = Self.bytes(text)
            return !signers.isEmpty && signers.allSatisfy { $0.contains(key) }
        }
        switch group.mode {
        case .whitelist:
            if !group.fingerprints.contains(where: hasSigned) {
                throw refusal(image, "it is not signed by required entities")
            }
        case .whitestrict:
            if !group.fingerprints.allSatisfy(hasSigned) {
                throw refusal(image, "it is not signed by all required entities")
            }
        case .blacklist:
            let forbidden = Set(group.fingerprints.map(Self.bytes))
            if signers.contains(where: { !$0.isDisjoint(with: forbidden) }) {
                throw refusal(image, "it is signed by a forbidden entity")
            }
        }
    }

    private static func bytes(_ digits: String) -> [UInt8] {
        let text = Array(digits.utf8)
        return stride(from: 0, to: text.count, by: 2).compactMap {
            UInt8(String(bytes: Array(text[$0..<$0 + 2])), radix: 16)
        }
    }

    private func refusal(_ image: String, _ reason: String) -> SkiffError {
        SkiffError(
            "cannot run \(image): \(reason)",
            hint: "The administrator allows images by their signatures, in \(path)")
    }
}
