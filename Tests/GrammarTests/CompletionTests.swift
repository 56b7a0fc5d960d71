import TestSupport
import Testing

@testable import Grammar

/// What a shell offers, asked of the shell itself.
@Suite(.serialized) struct CompletionTests {
    private let grammar = Grammar(program: ProgramName(calledAs: "skiff"))

    /// Runs `script` in a shell that has sourced the completion script as `$script`, in a directory with a few files.
    private func run(_ shell: Grammar.Shell, _ program: String, _ script: String) throws -> [String] {
        let scratch = try Scratch()
        try scratch.directory("images")
        try scratch.file("my image.sif")
        let file = try scratch.file("completion-script", text: grammar.completion(for: shell))
        let result = try command(
            [program, "-c", script],
            environment: ["PATH": "/usr/bin:/bin", "HOME": scratch.path, "script": file, "TERM": "dumb"],
            directory: scratch.path)
        #expect(result.status == 0, "\(result)")
        return result.text.split(separator: "\n").map(String.init)
    }

    @Test(arguments: [
        (["skiff", "ex"], ["exec"]),
        (["skiff", "-d", "--config", "my", "ru"], ["run", "run-help"]),
        (["skiff", "exec", "--conta"], ["--contain", "--containall"]),
        (["skiff", "exec", "-cB", "im"], ["images"]),
        (["skiff", "exec", "-c", "my"], ["my image.sif"]),
        (["skiff", "exec", "x.sif", "--co"], []),
        (["skiff", "exec", "--explain", "=", "j"], ["json"]),
        (["skiff", "exec", "--explain", "="], ["text", "json"]),
        (["skiff", "sif", "he"], ["header"]),
        (["skiff", "sif", "add", "my image.sif", "--parta"], ["--partarch"]),
        (["skiff", "help", "insp"], ["inspect"]),
        (["skiff", "completion", ""], ["bash", "fish", "zsh"]),
        (["skiff", "build", "--compression", ""], ["zstd", "gzip", "lz4", "xz"]),
        (["skiff", "exec", "--", "--co"], []),
        (["skiff", "--ver"], ["--verbose", "--version"]),
    ]) func bash(_ words: [String], _ wanted: [String]) throws {
        let list = words.map { "'\($0)'" }.joined(separator: " ")
        let answer = try run(
            .bash, "/bin/bash",
            """
            source "$script"; COMP_WORDS=(\(list)); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _skiff; printf '%s\\n' "${COMPREPLY[@]}"
            """)
        #expect(answer == wanted)
    }

    @Test func bashServesTheLinksToo() throws {
        let answer = try run(.bash, "/bin/bash", "source \"$script\"; complete -p skiff apptainer singularity")
        #expect(answer == ["skiff", "apptainer", "singularity"].map { "complete -F _skiff \($0)" })
    }

    @Test(
        .needs(.fish),
        arguments: [
            ("skiff ex", ["exec"]), ("apptainer exec --conta", ["--contain", "--containall"]),
            ("skiff exec x.sif --conta", []), ("skiff sif he", ["header"]),
            ("skiff -c exec ru", ["run", "run-help"]), ("skiff sif add a --parta", ["--partarch"]),
            ("skiff build --compression x", ["xz"]), ("skiff exec im", ["images/"]),
        ]) func fish(_ line: String, _ wanted: [String]) throws
    {
        let answer = try run(.fish, "/usr/bin/fish", "source $script; complete -C '\(line)'")
        #expect(answer.map { String($0.prefix { $0 != "\t" }) }.sorted() == wanted)
    }

    /// The completion system of zsh needs a terminal, so a pseudo terminal of its own presses the tabulator key.
    @Test(
        .needs(.zsh), .timeLimit(.minutes(1)),
        arguments: [
            ("skiff exe", "skiff exec "), ("apptainer exec --containa", "apptainer exec --containall "),
            ("skiff sif hea", "skiff sif header "), ("skiff sif add x --parta", "skiff sif add x --partarch="),
            ("skiff exec --explain=js", "skiff exec --explain=json "), ("skiff exec ima", "skiff exec images/"),
        ]) func zsh(_ line: String, _ wanted: String) throws
    {
        let answer = try run(
            .zsh, "/usr/bin/zsh",
            """
            zmodload zsh/zpty
            zpty -b shell zsh -f -i
            zpty -w shell 'PS1=; unsetopt zle_bracketed_paste beep; autoload -U compinit; compinit -D -u; source '"$script"
            zpty -w shell 'show() { print -r -- "<<$BUFFER>>" }; zle -N show; bindkey "^X" show; print ready-$((1 + 1))'
            zpty -r shell output '*ready-2*'
            zpty -n -w shell '\(line)'$'\\t\\C-x'
            zpty -r shell output '*<<*>>*'
            print -r -- "${${output##*<<}%%>>*}|"
            zpty -d shell
            """)
        #expect(answer.last == wanted + "|")
    }

    /// As installed: a file that zsh loads when it is first needed.
    @Test(.needs(.zsh), .timeLimit(.minutes(1)))
    func zshLoadsTheFile() throws {
        let answer = try run(
            .zsh, "/usr/bin/zsh",
            """
            mkdir functions; cp $script functions/_skiff
            fpath=($PWD/functions $fpath); autoload -U compinit; compinit -D -u
            print ${_comps[skiff]} ${_comps[apptainer]} ${_comps[singularity]}
            """)
        #expect(answer == ["_skiff _skiff _skiff"])
    }
}
