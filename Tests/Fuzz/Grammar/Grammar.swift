import Core
import Grammar

/// A command line comes from outside, also from scripts that pass on what others typed. The input is NUL-separated: first
/// `NAME=value` variables, an empty one, then arguments. Every input must be understood or refused; none may trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGrammar(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let words = UnsafeBufferPointer(start: data, count: size).split(separator: 0, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    let end = words.firstIndex(of: "") ?? words.startIndex
    let variables = Array(words[..<end])
    let arguments = Array(words[end...].dropFirst())
    let grammar = Grammar(
        program: ProgramName(calledAs: "skiff"),
        plugins: PluginGrammar(
            flags: [
                PluginFlag(
                    name: "nv", kind: .bool, environment: ["NV"], help: "use the GPU", commands: ["exec"], plugin: "p"),
                PluginFlag(
                    name: "level", short: "L", kind: .uint32, defaultText: "x", environment: ["LEVEL"], help: "a: b",
                    commands: ["run"], plugin: "p"),
            ], commands: [PluginCommand(name: "greet", usage: "<name>", help: "Say hello", plugin: "p")]))
    guard let outcome = try? grammar.parse(arguments, environment: FlagEnvironment(variables)) else { return 0 }
    if case .command(let invocation) = outcome {
        // What was understood must be true of what was typed.
        precondition(invocation.words.count <= arguments.count)
        for word in invocation.positionals { precondition(arguments.contains(word)) }
        #if FUZZ_CANARY
        precondition(invocation[.bind].count < 2, "the planted bug: two binds")
        #endif
    }
    return 0
}
