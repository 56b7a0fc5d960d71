import Base
import Core
import Grammar
import Linux

/// `buildcfg [NAME]`: where this installation has its parts.
func printBuildConfiguration(_ invocation: Invocation, _ installation: Installation, _ program: ProgramName)
    throws(SkiffError)
{
    let configuration = BuildConfiguration(installation, packageName: program.text, version: program.version)
    let text = try configuration.text(of: invocation.positionals.first)
    try during("cannot write the answer") { () throws(Errno) in try writeAnswer(text) }
}

/// `confgen [OLD] NEW`: the default configuration, with the values of OLD. NEW may be OLD.
func writeConfiguration(_ invocation: Invocation) throws(SkiffError) {
    guard let target = invocation.positionals.last else { return }
    var settings = Settings()
    if invocation.positionals.count == 2, let old = invocation.positionals.first {
        let bytes = try during("cannot read configuration file \(old)") { () throws(Errno) in
            try readFile(old, limit: 1 << 20)
        }
        settings = try Settings(parsing: bytes, name: old)
    }
    let text = try settings.text()
    // Every command reads this file, so it must never be seen half written.
    try during("cannot write configuration file \(target)") { () throws(Errno) in
        try AtomicFile.replace(target, text.bytes, mode: 0o644, durable: true)
    }
}
