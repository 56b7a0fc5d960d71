import Base
import CTypedCall
import Core
import Linux
import PluginAPI

/// Calls the typed handlers of `skiff.cli/2` with the values of their flags.
enum FlagHandlers {
    /// Calls every handler whose flag was used or has a default, in the manifest's order.
    static func call(_ session: Session) throws(SkiffError) {
        for flag in session.plugin.manifest.flags where session.takes(flag) {
            let values = flag.values(in: session.facts.request.pluginFlags, of: session.plugin.manifest.id)
            guard let last = values.last, let name = flag.handler, let signature = flag.signature,
                let handler = session.plugin.handlers[name], let function = handler.fn
            else { continue }
            switch flag.kind {
            case .bool:
                try invoke(session, "--\(flag.name)", signature, function, skl_value(number: last == "true" ? 1 : 0))
            case .int:
                guard let number = Int64(last) else {
                    throw session.plugin.manifest.failure("--\(flag.name)", "\(last) is not a number")
                }
                try invoke(session, "--\(flag.name)", signature, function, skl_value(number: number))
            case .string, .path:
                try last.terminatedBytes.withUnsafeBufferPointer { text throws(SkiffError) in
                    let value = skl_value(pointer: UnsafeRawPointer(text.baseAddress))
                    try invoke(session, "--\(flag.name)", signature, function, value)
                }
            case .strings:
                try withArray(values) { list throws(SkiffError) in
                    try invoke(session, "--\(flag.name)", signature, function, list)
                }
            }
        }
    }

    /// Calls the handler of a command, with its words.
    static func call(_ session: Session, _ command: ManifestCommand, _ words: [String]) throws(SkiffError) {
        guard let function = session.plugin.handlers[command.handler]?.fn else { return }
        try withArray(words) { list throws(SkiffError) in
            try invoke(session, command.name, command.signature, function, list)
        }
    }

    /// Puts the session and the value where the signature asks for them; `h` and `x` can stand anywhere.
    private static func invoke(
        _ session: Session, _ station: String, _ signature: Signature, _ function: @escaping @convention(c) () -> Void,
        _ value: skl_value
    ) throws(SkiffError) {
        let arguments = signature.parameters.map { letter in
            switch letter {
            case UInt8(ascii: "c"): skl_value(pointer: UnsafeRawPointer(session.pointer))
            case UInt8(ascii: "h"): skl_value(pointer: UnsafeRawPointer(session.plugin.host))
            case UInt8(ascii: "x"): skl_value(pointer: UnsafeRawPointer(session.plugin.root.data))
            default: value
            }
        }
        try session.plugin.call(station) {
            var status: Int32 = 0
            let isCalled = skl_typed_call(signature.description, function, arguments, arguments.count, &status) == 0
            return isCalled ? status : SKIFF_E_INTERNAL
        }
    }

    /// Passes the texts as a C array of C strings, for one call.
    private static func withArray(_ texts: [String], _ body: (skl_value) throws(SkiffError) -> Void) throws(SkiffError)
    {
        let bytes = texts.map { $0.terminatedBytes }
        // One block that holds all texts; pointers into it are made while it is pinned.
        let block = bytes.flatMap { $0 }
        try block.withUnsafeBufferPointer { all throws(SkiffError) in
            var offset = 0
            let pointers = bytes.map { part in
                defer { offset += part.count }
                return all.baseAddress?.advanced(by: offset)
            }
            try pointers.withUnsafeBufferPointer { list throws(SkiffError) in
                try body(skl_value(pointer: UnsafeRawPointer(list.baseAddress), count: UInt64(list.count)))
            }
        }
    }
}

extension Session {
    /// Whether a flag belongs to the command that runs: those of the plugin's own commands are theirs alone.
    fileprivate func takes(_ flag: ManifestFlag) -> Bool {
        let own = plugin.manifest.commands.map(\.name)
        if facts.isOwnCommand { return flag.commands.contains(facts.command ?? "") }
        return flag.commands.isEmpty || !flag.commands.allSatisfy(own.contains)
    }
}

extension String {
    fileprivate var terminatedBytes: [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }
}

extension skl_value {
    init(number: Int64) { self.init(number: number, pointer: nil, count: 0) }
    init(pointer: UnsafeRawPointer?, count: UInt64 = 0) { self.init(number: 0, pointer: pointer, count: count) }
}
