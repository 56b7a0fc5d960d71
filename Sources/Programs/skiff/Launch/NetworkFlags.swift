import Base
import Core
import Grammar
import Linux

/// `--net`, `--network`, `--network-args` and `--netns-path` (Docs/spec/runtime.md §9).
struct NetworkFlags {
    let invocation: Invocation
    /// The caller's.
    let directory: String

    func fill(_ request: inout Request) throws(SkiffError) {
        let words = invocation[.network]?.split(separator: ",").map { $0.filter { $0 != " " } } ?? []
        let isAsked = invocation[.net] || !words.isEmpty
        if let path = invocation[.netnsPath] {
            if !words.isEmpty {
                throw SkiffError("cannot use --network together with --netns-path: the namespace has its networks")
            }
            request.networkPath = absolutePath(path, in: directory)
            return
        }
        guard isAsked, words != ["host"] else { return try refuseArguments(invocation[.networkArgs]) }
        request.newNetwork = true
        // `none` must be asked for: a program that gets no network unasked would fail far from the cause.
        if words.isEmpty && invocation[.fakeroot] {
            Log.warning("The network of the container is 'none': --fakeroot has no other unless --network names it")
            return
        }
        let names = words.isEmpty ? ["bridge"] : words
        if names == ["none"] { return try refuseArguments(invocation[.networkArgs]) }
        if let own = names.first(where: RequestedNetwork.isOwn) {
            throw SkiffError(
                "cannot set up network \(own) together with others: --network \(names.joined(separator: ","))")
        }
        request.networks = names.map { RequestedNetwork($0) }
        for argument in invocation[.networkArgs] { try add(argument, to: &request.networks) }
    }

    private func refuseArguments(_ arguments: [String]) throws(SkiffError) {
        guard let argument = arguments.first else { return }
        throw SkiffError("cannot use --network-args \(argument): the container has no network that could take it")
    }

    /// `[NAME:]KEY=VALUE[;KEY=VALUE…]`. A colon behind the first equals sign belongs to a value.
    private func add(_ text: String, to networks: inout [RequestedNetwork]) throws(SkiffError) {
        let equals = text.firstIndex(of: "=") ?? text.startIndex
        var (index, rest) = (0, text[...])
        if let colon = text.firstIndex(of: ":"), colon < equals {
            let name = String(text[..<colon])
            guard let found = networks.firstIndex(where: { $0.name == name }) else {
                throw SkiffError("network \(name) wasn't specified in --network option")
            }
            (index, rest) = (found, text[text.index(after: colon)...])
        }
        for pair in rest.split(separator: ";") {
            guard let equals = pair.firstIndex(of: "="), equals > pair.startIndex else {
                throw SkiffError(
                    "cannot use --network-args \(text): '\(pair)' is not KEY=VALUE",
                    hint: "Write it like portmap=8080:80/tcp;IP=10.22.0.5")
            }
            networks[index].arguments.append(String(pair))
        }
    }
}
