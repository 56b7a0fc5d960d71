package import Packing

extension ImageDescription {
    /// What the last stage of a definition says about the image, as far as `--section` lets it.
    package init(of stage: Stage, in definition: Definition, _ options: BuildOptions) {
        self.init(definition: definition.text)
        func script(_ name: SectionName) -> ImageScript? {
            guard options.wants(name), let script = stage.script(name) else { return nil }
            return ImageScript(arguments: script.arguments, body: script.body)
        }
        header = stage.header.map { .init(key: $0.key, value: $0.value) }
        isWritten = stage.isWritten
        if options.wants(.labels) { labels = stage.labels }
        (help, environment, test) = (script(.help), script(.environment), script(.test))
        (runscript, startscript) = (script(.runscript), script(.startscript))
    }
}

extension Definition {
    /// Whether it only says what the base is and what the image tells about itself: nothing runs in the image, and nothing
    /// is copied into it.
    var onlyDescribes: Bool {
        guard stages.count == 1, let stage = stages.first else { return false }
        let running: [SectionName] = [.pre, .setup, .test]
        return stage.postScript == nil && stage.files.isEmpty && stage.apps.isEmpty
            && !running.contains { stage.script($0) != nil }
    }
}
