package import Base
package import Core
import Linux
import PluginAPI

/// The plugin directory of an installation. A command asks it for names, and it reads the manifests that mention them.
///
/// A manifest takes a hundred times longer to parse than to search. So the first question reads the bytes of all files,
/// and each is answered by the few that have the name as a word: whether a thousand plugins are installed or ten, one that
/// is used costs the same. No index is kept in a file: it would have to be trusted, locked, and told of every change.
package final class PluginCatalog {
    private let open: () -> InstalledPlugins
    private lazy var plugins = open()
    private lazy var files = try? FileBlock(plugins.directory, suffix: ".plugin", limit: manifestLimit)
    /// An array, as everywhere on this path: a set of a type of ours makes the runtime look for its conformances, which
    /// takes longer than all that a few questions compare.
    private var asked: [PluginQuery] = []

    package init(_ installation: Installation, trust: @escaping @autoclosure () -> Trust = .ofThisProcess) {
        open = { InstalledPlugins(unread: installation, trust: trust()) }
    }

    package init(directory: String, stateFile: String, trust: Trust) {
        open = { InstalledPlugins(unread: directory, stateFile: stateFile, trust: trust) }
    }

    /// Returns every plugin that was asked for so far, by these or earlier questions; others may be among them.
    package func plugins(for queries: [PluginQuery]) -> InstalledPlugins {
        for query in queries where !asked.contains(.everything) && isNew(query) {
            if query == .everything { plugins.readAll() } else { plugins.read(names(for: query)) }
            // A flag's letter goes to the first plugin that has it.
            guard case .flag(let name) = query else { continue }
            for flag in plugins.enabled.flatMap(\.flags) where flag.name == name {
                guard let letter = flag.short?.utf8.first, isNew(.letter(letter)) else { continue }
                plugins.read(names(for: .letter(letter)))
            }
        }
        return plugins
    }

    private func isNew(_ query: PluginQuery) -> Bool {
        if asked.contains(query) { return false }
        asked.append(query)
        return true
    }

    package var all: InstalledPlugins { plugins(for: [.everything]) }

    /// Returns the plugins that a launch may need; nil when nothing asks for one, so that no manifest is read.
    ///
    /// - Parameters:
    ///   - imageFacts: `encrypted`, `overlay-section`.
    ///   - bindsImages: whether binds come out of images that are not squashfs.
    package func plugins(
        for request: Request, _ settings: Settings, imageFacts: Set<String> = [], bindsImages: Bool = false
    ) -> InstalledPlugins? {
        var queries = request.pluginFlags.map { PluginQuery.flag($0.name) }
        queries += settings.pluginLines.filter { !$0.isOff }.map { .setting($0.name) }
        queries += imageFacts.map { .imageFact($0) }
        if !request.networks.isEmpty { queries.append(.offer(Manifest.network)) }
        if !request.devices.isEmpty { queries.append(.offer(SKIFF_EXT_DEVICES)) }
        if bindsImages { queries.append(.offer(SKIFF_EXT_FILESYSTEM)) }
        return queries.isEmpty ? nil : plugins(for: queries)
    }

    /// Names of the files that may answer.
    private func names(for query: PluginQuery) -> [String] {
        guard let files else { return [] }
        switch query {
        case .flag(let word), .variable(let word), .command(let word), .scheme(let word), .setting(let word),
            .imageFact(let word), .offer(let word):
            return files.names(with: word.bytes, where: isWholeWord)
        case .letter(let letter):
            return files.names(with: Array("short".utf8)) { bytes, place in
                let rest = bytes[place.upperBound...].drop(while: isBlank)
                guard rest.first == UInt8(ascii: "=") else { return false }
                let value = rest.dropFirst().drop(while: isBlank)
                return value.first == letter
            }
        case .plugin(let id):
            let name = id + InstalledPlugins.suffix
            return isPluginID(id) && isAccessible("\(plugins.directory)/\(name)", []) ? [name] : []
        case .everything: return []
        }
    }
}

private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

/// Whether a word is an item of a list or the whole of a value.
private func isWholeWord(_ bytes: UnsafeBufferPointer<UInt8>, _ place: Range<Int>) -> Bool {
    func ends(_ index: Int) -> Bool {
        guard bytes.indices.contains(index) else { return true }
        switch bytes[index] {
        case 0x09, 0x0A, 0x0D, 0x20, UInt8(ascii: ","), UInt8(ascii: "="): return true
        default: return false
        }
    }
    return ends(place.lowerBound - 1) && ends(place.upperBound)
}
