import Base
import Core
import Grammar
import InstalledGrammar
import Linux
import PluginHost

/// `buildcfg [NAME]`: where this installation has its parts.
func printBuildConfiguration(_ invocation: Invocation, _ installation: Installation, _ program: ProgramName)
    throws(SkiffError)
{
    let configuration = BuildConfiguration(installation, packageName: program.text, version: program.version)
    let text = try configuration.text(of: invocation.positionals.first)
    try during("cannot write the answer") { () throws(Errno) in try writeAnswer(text) }
}

/// `confgen [OLD] NEW`: the default configuration with what installed plugins add to it, and the values of OLD. NEW may be
/// OLD.
func writeConfiguration(_ invocation: Invocation, _ installation: Installation) throws(SkiffError) {
    guard let target = invocation.positionals.last else { return }
    var settings = Settings()
    let plugins = InstalledPlugins(installation: installation)
    if invocation.positionals.count == 2, let old = invocation.positionals.first {
        let bytes = try during("cannot read configuration file \(old)") { () throws(Errno) in
            try readFile(old, limit: 1 << 20)
        }
        settings = try Settings(parsing: bytes, name: old)
        try plugins.check(settings)
    }
    let text = try settings.text(plugins.directives)
    // Every command reads this file, so it must never be seen half written.
    try during("cannot write configuration file \(target)") { () throws(Errno) in
        try AtomicFile.replace(target, text.bytes, mode: 0o644, durable: true)
    }
}
