import Base
import Core
import Grammar
import Linux
import Registry

/// `push IMAGE URI` (Docs/spec/cli.md §5).
struct PushCommand {
    let invocation: Invocation
    let installation: Installation
    let settings: Settings

    init(_ invocation: Invocation, _ installation: Installation, _ settings: Settings) {
        (self.invocation, self.installation, self.settings) = (invocation, installation, settings)
    }

    func run() throws(SkiffError) {
        guard invocation.positionals.count == 2 else { throw SkiffError("accepts 2 arg(s)", code: .usage) }
        let (file, address) = (invocation.positionals[0], invocation.positionals[1])
        guard let uri = ImageURI(address) else { throw SkiffError("No transport type URI supplied: \(address)") }
        guard (try? status(file).isRegular) == true else {
            throw SkiffError("cannot push \(file): Unable to open image: there is no such file")
        }
        var push = try ImagePush(file, to: uri, installation)
        push.allowsUnsigned = invocation[.allowUnsigned]
        if push.keepsDescriptions {
            push.annotations = annotations()
            push.description = invocation[.description] ?? ""
        } else {
            if invocation.isGiven(.annotation) { ignore(.annotation, uri) }
            if invocation.isGiven(.description) { ignore(.description, uri) }
        }
        let options = try NetworkOptions(invocation, settings)
        switch try push.run(options) {
        case .digest(let digest): tell(digest, uri, options)
        case .lines(let lines):
            for line in lines { try? writeAnswer(line.printable + "\n") }
            Log.info("Upload complete")
        }
    }

    private func ignore<Value>(_ flag: FlagKey<Value>, _ uri: ImageURI) {
        Log.warning("Ignoring --\(flag.name): \(uri.transport):// has no place for it")
    }

    private func tell(_ digest: String, _ uri: ImageURI, _ options: NetworkOptions) {
        Log.info("Digest: \(digest)")
        Log.info("Upload complete")
        guard options.quiet else { return }
        let answer = JSONText.members(["uri": .string(uri.description), "digest": .string(digest)])
        try? writeAnswer(answer.text(indent: "  ") + "\n")
    }

    private func annotations() -> [(key: String, value: String)] {
        invocation[.annotation].compactMap { text in
            guard let equals = text.firstIndex(of: "=") else {
                Log.warning("Ignoring annotation \"\(text)\": KEY=VALUE is the form")
                return nil
            }
            return (String(text[..<equals]), String(text[text.index(after: equals)...]))
        }
    }
}
