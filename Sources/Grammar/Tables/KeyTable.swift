extension Table {
    /// Where the key of an encrypted image comes from: for commands that open or write one. Docs/spec/encryption.md §2.
    static var keyFlags: [Flag] {
        [
            Flag(.passphrase, help: "ask for the passphrase of an encrypted image"),
            Flag(
                .pemPath,
                help:
                    "the RSA key of an encrypted image in a PEM file: the private one to open, the public one to write",
                completes: .files),
            Flag(
                .passphraseDescriptor,
                help: "read the passphrase or the PEM key of an encrypted image from this file descriptor, to its end"),
            Flag(
                .keyCommand,
                help: "take the output of this shell command as the passphrase or the PEM key of an encrypted image"),
            Flag(
                .keyring,
                help:
                    "take the key of this name and of type user in the kernel's keyrings as the passphrase or the PEM key"
            ),
        ]
    }
}
