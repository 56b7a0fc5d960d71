package import Grammar
package import PluginHost

extension KeySource {
    /// Returns where the key of an encrypted image comes from; nil when neither a flag nor a variable says so.
    package static func first(of invocation: Invocation) -> KeySource? { first(flags(invocation)) }

    /// Whether a flag says so.
    package static func isNamed(in invocation: Invocation) -> Bool { flags(invocation).source != nil }

    private static func flags(_ invocation: Invocation) -> Flags {
        var flags = Flags()
        flags.pemPath = invocation[.pemPath]
        flags.passphrase = invocation[.passphrase]
        flags.passphraseDescriptor = invocation[.passphraseDescriptor].map { CInt(clamping: $0) }
        flags.keyCommand = invocation[.keyCommand]
        flags.keyring = invocation[.keyring]
        return flags
    }
}
