import Base
import CLinux
import Linux

/// Where the key of an encrypted image comes from. Only the first source that the user has named counts.
package enum KeySource: Sendable {
    /// `--pem-path FILE`, or the variable that stands for it.
    case file(String)
    /// `--passphrase`.
    case prompt
    /// `--passphrase-fd N`.
    case descriptor(CInt)
    /// `--key-command`: its output.
    case command(String)
    /// `--keyring NAME`: a key of type "user" in the kernel's keyrings.
    case keyring(String)
    /// A variable with PEM text, by its whole name.
    case pem(String)
    /// A variable with a passphrase, by its whole name.
    case passphrase(String)

    /// What the command line says, in the order in which it counts.
    package struct Flags: Sendable {
        package var pemPath: String?
        package var passphrase = false
        package var passphraseDescriptor: CInt?
        package var keyCommand: String?
        package var keyring: String?
        package init() {}

        /// The flags of a plugin's own command, which have the same names behind `prefix`.
        init(_ uses: [PluginFlagUse], prefix: String = "") {
            func value(_ name: String) -> String? { uses.first { $0.name == prefix + name }?.values.last }
            pemPath = value("pem-path")
            passphrase = value("passphrase") == "true"
            passphraseDescriptor = value("passphrase-fd").map { CInt($0) ?? -1 }
            (keyCommand, keyring) = (value("key-command"), value("keyring"))
        }

        package var source: KeySource? {
            if let pemPath { return .file(pemPath) }
            if passphrase { return .prompt }
            if let passphraseDescriptor { return .descriptor(passphraseDescriptor) }
            if let keyCommand { return .command(keyCommand) }
            return keyring.map { .keyring($0) }
        }
    }

    /// Returns the first source that the flags name, else that variables do; nil for none.
    package static func first(_ flags: Flags) -> KeySource? {
        if let source = flags.source { return source }
        if let path = settingVariable("ENCRYPTION_PEM_PATH") { return .file(path) }
        if let name = variable("ENCRYPTION_PEM_DATA") { return .pem(name) }
        return variable("ENCRYPTION_PASSPHRASE").map { .passphrase($0) }
    }

    /// Returns the name of the variable that counts for a key; no copy of its value is made.
    private static func variable(_ key: String) -> String? {
        ["SKIFF_", "APPTAINER_", "SINGULARITY_"].map { $0 + key }.first { name in
            guard let text = getenv(name) else { return false }
            let value = UnsafeBufferPointer(start: text, count: strlen(text))
            return value.contains { $0 != 0x20 && !(0x09...0x0D).contains($0) }
        }
    }

    /// The longest secret, in bytes: a key file with the text that surrounds it. An old and a new one, or one and what is kept of it,
    /// fit into the 64 KiB that older systems let everybody lock.
    static let longest = 24 << 10
}

/// A key of a user, as `skiff.host.secret/1` lends it.
struct ObtainedKey {
    /// `pem` or `passphrase`.
    let name: String
    let memory: SecretMemory
}

extension KeySource {
    /// Ends what it has open: the container must not inherit a descriptor, also where no key is needed, nor what gets its number
    /// later. Standard input stays, at its end.
    package func close() {
        guard case .descriptor(let number) = self, Inheritance.descriptors.contains(number) else { return }
        Inheritance.claim(number)
        _ = CLinux.close(number)
    }

    /// What for: a file that others can read is worth a warning where it holds a private key.
    package enum Use: Sendable { case opening, writing, replacing }

    /// Reads or asks for the key.
    /// - Throws: why there is none; an empty one is none.
    func obtain(_ use: Use) throws(SkiffError) -> ObtainedKey {
        switch self {
        case .file(let path): return try checked(try read(path, use), isPEM: true)
        case .prompt:
            let memory = try Self.memory()
            try PassphrasePrompt("Enter \(use == .replacing ? "new " : "")encryption passphrase: ").ask(into: memory)
            let key = try checked(memory, isPEM: false)
            if use == .replacing { try confirm(memory) }
            return key
        case .descriptor(let number):
            let memory = try Self.memory()
            let what = "the passphrase from descriptor \(number)"
            guard number == 0 || number > 2 else { throw SkiffError("cannot read \(what): it is for output") }
            // Others under such a number are ours.
            guard number == 0 || Inheritance.descriptors.contains(number) else {
                throw SkiffError("cannot read \(what)", errno: Errno(EBADF))
            }
            try fill(memory, from: number, what)
            close()
            return try checked(memory)
        case .command(let command):
            let memory = try Self.memory()
            try run(command, into: memory)
            return try checked(memory)
        case .keyring(let name):
            return try checked(
                try during("cannot read the key \(name) of the kernel's keyrings") { () throws(Errno) in
                    try SecretMemory(ofKey: name, limit: Self.longest)
                })
        case .pem(let name): return try checked(try variable(name), isPEM: true)
        case .passphrase(let name):
            return ObtainedKey(name: "passphrase", memory: try variable(name))
        }
    }

    /// A slip of the finger would lock the data up for ever.
    private func confirm(_ memory: SecretMemory) throws(SkiffError) {
        guard PassphrasePrompt.hasTerminal else { return }
        let again = try Self.memory()
        try PassphrasePrompt("Enter new encryption passphrase again: ").ask(into: again)
        again.dropLineEnd()
        guard again.bytes.elementsEqual(memory.bytes) else {
            throw SkiffError("cannot use the new passphrase: the two that were typed differ")
        }
    }

    private static func memory() throws(SkiffError) -> SecretMemory {
        do throws(Errno) {
            return try SecretMemory(capacity: longest)
        } catch {
            throw unlocked("a key of an encrypted image", error)
        }
    }

    private static func unlocked(_ what: String, _ error: Errno) -> SkiffError {
        SkiffError(
            "cannot lock memory for \(what)", errno: error, hint: "Raise the limit of locked memory: ulimit -l 64")
    }

    private func variable(_ name: String) throws(SkiffError) -> SecretMemory {
        let found: SecretMemory?
        do throws(Errno) {
            found = try SecretMemory(ofVariable: name)
        } catch {
            throw Self.unlocked("the value of \(name)", error)
        }
        guard let memory = found else { throw SkiffError("cannot read \(name): it is empty") }
        return memory
    }

    /// Of the URI of a key in a token, which stands for PEM; RFC 7512.
    private static let tokenScheme = "pkcs11:"

    /// Tells PEM from a passphrase, where the source does not: it begins with a line `-----BEGIN`, or is the URI of a key.
    private func checked(_ memory: SecretMemory, isPEM: Bool? = nil) throws(SkiffError) -> ObtainedKey {
        let isPEM =
            isPEM
            ?? (memory.bytes.starts(with: "-----BEGIN ".utf8) || memory.bytes.starts(with: Self.tokenScheme.utf8))
        if !isPEM { memory.dropLineEnd() }
        guard memory.count > 0 else {
            throw SkiffError(isPEM ? "cannot use the key file: it is empty" : "cannot use an empty passphrase")
        }
        return ObtainedKey(name: isPEM ? "pem" : "passphrase", memory: memory)
    }

    private func read(_ path: String, _ use: Use) throws(SkiffError) -> SecretMemory {
        let memory = try Self.memory()
        if path.hasPrefix(Self.tokenScheme) {
            guard !path.split(whereSeparator: { "?&".contains($0) }).contains(where: { $0.hasPrefix("pin-value=") })
            else {
                throw SkiffError(
                    "cannot use a key in a token by a PIN on the command line, where everybody sees it",
                    hint: "Give ?pin-source=file:FILE in the URI, or the URI by --passphrase-fd or --key-command")
            }
            guard path.utf8.count <= memory.capacity else {
                throw SkiffError("cannot use the key: its URI is too long")
            }
            memory.room.copyBytes(from: path.utf8)
            memory.count = path.utf8.count
            return memory
        }
        let file = try during("cannot read the key file \(path)") { () throws(Errno) in
            try open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
        }
        let found = try during("cannot look at the key file \(path)") { () throws(Errno) in try status(of: file.raw) }
        guard found.isRegular else { throw SkiffError("cannot read the key file \(path): it is not a file") }
        if use == .opening && found.permissions & 0o004 != 0 {
            Log.warning("Everybody can read the private key \(path)")
        }
        try fill(memory, from: file.raw, "the key file \(path)")
        return memory
    }

    private func fill(_ memory: SecretMemory, from file: CInt, _ what: String) throws(SkiffError) {
        let fits = try during("cannot read \(what)") { () throws(Errno) in try memory.append(readingToEnd: file) }
        guard fits else { throw SkiffError("cannot read \(what): it has more than \(Self.longest) bytes") }
    }

    private func run(_ command: String, into memory: SecretMemory) throws(SkiffError) {
        let started = try during("cannot run the key command \(command)") { () throws(Errno) in
            let pipe = try makePipe()
            let input = OwnedFD(adopting: pipe.first)
            let output = OwnedFD(adopting: pipe.second)
            let nothing = try open("/dev/null", O_RDONLY)
            let pid = try spawn(
                "/bin/sh", ["sh", "-c", command], environment: environmentWithoutKeys(),
                descriptors: [(0, nothing.raw), (1, output.raw), (2, 2)])
            try? output.close()
            return (pid, input.release())
        }
        let output = OwnedFD(adopting: started.1)
        var problem: SkiffError?
        do throws(SkiffError) {
            try fill(memory, from: output.raw, "the output of the key command")
        } catch {
            problem = error
        }
        try? output.close()
        let ended = try during("cannot wait for the key command") { () throws(Errno) in try waitFor(started.0)?.status }
        if let problem { throw problem }
        guard ended == .exited(0) else {
            throw SkiffError("cannot take the key from the key command: it ended with status \(ended?.code ?? -1)")
        }
    }
}
