import CLinux
import Foundation
import Linux
import TestSupport

/// An OpenPGP key of GnuPG in a home of its own, made for one test; removed with the value.
final class SigningKey {
    private let home: String
    /// 40 digits in upper case.
    private(set) var fingerprint = ""

    init(_ name: String = "Tester") throws {
        try need(.gpg, .python)
        home = try WorkDirectory.make(for: .current)
        try Linux.chmod(home, 0o700)
        try gpg("--quick-gen-key", "\(name) <\(name.lowercased())@example.org>", "ed25519", "sign", "never")
        let list = try gpg("--with-colons", "--list-keys")
        guard let line = list.split(separator: "\n").first(where: { $0.hasPrefix("fpr:") }) else {
            throw HarnessError("gpg made no key: \(list)")
        }
        fingerprint = String(line.split(separator: ":").last ?? "")
    }

    deinit {
        for words in [["--kill", "all"], ["--remove-socketdir"]] {
            _ = try? command(["/usr/bin/gpgconf"] + words).run()
        }
        try? FileManager.default.removeItem(atPath: home)
    }

    /// The form in which a lookup asks for it: `0x` and the last 16 digits.
    var search: String { "0x" + fingerprint.suffix(16).lowercased() }

    /// Returns the key as Apptainer's keyrings have it.
    func exported() throws -> [UInt8] {
        try gpg("--output", home + "/exported", "--export")
        return try readFile(home + "/exported")
    }

    /// Returns the key as a key server sends it.
    func armored() throws -> [UInt8] { Array(try gpg("--armor", "--export").utf8) }

    /// Adds a signature of a group to an image.
    func sign(_ image: String, group: Int = 1) throws {
        let text = try Command(
            ["/usr/bin/python3", Stage.repository + "/Tests/Inside/signed-text.py", image, String(group)], as: .current
        ).run()
        guard text.isSuccess else { throw HarnessError("cannot read \(image): \(text)") }
        try writeFile(home + "/text", Array(text.standardOutput.utf8), mode: 0o600)
        try gpg("--digest-algo", "SHA256", "--output", home + "/signature", "--clearsign", home + "/text")
        let words = [
            "--datatype", "5", "--signhash", "1", "--signentity", fingerprint, "--link", String(0xF000_0000 + group),
        ]
        let added = try skiffCommand(["sif", "add"] + words + [image, home + "/signature"], as: .current).run()
        guard added.isSuccess else { throw HarnessError("cannot add a signature: \(added)") }
    }

    @discardableResult
    private func gpg(_ words: String...) throws -> String {
        let options = ["--batch", "--no-tty", "--yes", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
        let outcome = try command(["/usr/bin/gpg"] + options + words).run()
        guard outcome.isSuccess else { throw HarnessError("gpg: \(outcome)") }
        return outcome.standardOutput
    }

    private func command(_ words: [String]) -> Command {
        var command = Command(words, as: .current)
        command.environment["GNUPGHOME"] = home
        return command
    }
}
