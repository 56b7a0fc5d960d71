import Glibc
import PluginAPI
import PluginKit

/// `skiff network list` and `inspect`, and `skiff network release`, by which a command takes back what a killed one has left.
struct NetworkCommand {
    private let session: Session

    init(_ session: Session) { self.session = session }

    func run(_ words: [String]) throws(PluginError) {
        switch (words.first, words.count) {
        case ("list", 1): try list()
        case ("inspect", 2): try inspect(words[1])
        case ("release", 2): try release(words[1])
        default:
            throw PluginError(
                "cannot run network: unknown words\nWrite skiff network list, or skiff network inspect NAME")
        }
    }

    private func leases() throws(PluginError) -> [(network: String, address: String, owner: Owner)] {
        let state = geteuid() == 0 ? try BridgeNet.state() : try UserNetwork.directory(session)
        return state.leases().filter { $0.owner.isAlive }
            .sorted { (Address($0.address) ?? Address(bytes: [])) < (Address($1.address) ?? Address(bytes: [])) }
    }

    private func list() throws(PluginError) {
        let directory = try BridgeNet.configurations(session)
        let leases = try leases()
        var rows = [["NETWORK", "TYPES", "ADDRESSES IN USE", "PORTS", "FILE"]]
        for list in NetworkList.all(in: directory) {
            let used = leases.filter { $0.network == list.name }
            rows.append(
                [
                    list.name, list.types.joined(separator: ","), used.map(\.address).joined(separator: ","),
                    used.flatMap(\.owner.ports).joined(separator: ","), list.file,
                ])
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].unicodeScalars.count }.max() ?? 0 }
        for row in rows {
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1
                    ? cell : cell + String(repeating: " ", count: widths[column] + 4 - cell.unicodeScalars.count)
            }
            print(cells.joined())
        }
        fflush(nil)
    }

    /// A network, and who has which address and port of it, as JSON.
    private func inspect(_ name: String) throws(PluginError) {
        let directory = try BridgeNet.configurations(session)
        let found: NetworkList?
        do throws(NetworkList.Problem) {
            found = try NetworkList.find(name, in: directory)
        } catch {
            throw PluginError(error.text)
        }
        guard let found else {
            throw PluginError(
                "cannot inspect network \(name): no file in \(directory) has it\nskiff network list shows them")
        }
        let containers = try leases().filter { $0.network == name }
            .map { lease in
                JSON.object(
                    [
                        .init("address", .string(lease.address)), .init("pid", .number(String(lease.owner.pid))),
                        .init("ports", .array(lease.owner.ports.map { .string($0) })),
                    ] + (lease.owner.instance.map { [.init("instance", .string($0))] } ?? []))
            }
        let answer = JSON.object([
            .init("name", .string(found.name)), .init("file", .string(found.file)),
            .init("plugins", .array(found.plugins)), .init("containers", .array(containers)),
        ])
        print(answer.serialized)
        fflush(nil)
    }

    /// - Parameter name: the name of a container of root's, a file of ours; of others the directory that their networks have.
    private func release(_ name: String) throws(PluginError) {
        if geteuid() != 0 { return try UserNetwork.release(name) }
        guard !name.isEmpty, !name.contains("/"), name != ".", name != ".." else {
            throw PluginError("cannot release \(name): it is no name of a container")
        }
        try BridgeNet.release(name)
    }
}
