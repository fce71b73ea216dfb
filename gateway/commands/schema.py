"""`gateway schema`: the JSON Schema of a configuration, and how editors are told of it.

The schema itself is made by `gateway.config.jsonschema`.

Tests: `tests/commands/test_schema.py`.
"""

from __future__ import annotations

from typing import Final

import click

from gateway.commands.resting import collector_resting

FILE: Final = "gateway.schema.json"

INSTALLING: Final = f"""\
1. Keep a copy where your configuration lies, and make it again after an upgrade:

   gateway schema >{FILE}

   If the gateway reads a whole directory, such as etc, put the copy above it: every *.json in there is configuration.

2. Name the copy in the first line of each file, by its path from that file. VS Code, Vim and Neovim need no
   more:

   # yaml-language-server: $schema={FILE}

VS Code
   Install the extension "YAML" of Red Hat (redhat.vscode-yaml). Instead of the line, for a whole directory, write into
   .vscode/settings.json:

   {{"yaml.schemas": {{"./{FILE}": ["etc/*.yaml", "gateway.yaml"]}}}}

Vim
   Install yaml-language-server (npm install --global yaml-language-server), and a client of language servers. With
   coc.nvim it is :CocInstall coc-yaml; settings are those of VS Code, in :CocLocalConfig.

Neovim 0.11 and newer
   With yaml-language-server and the plugin nvim-lspconfig, write into init.lua:

   vim.lsp.enable("yamlls")

   Instead of the line in each file, before it:

   vim.lsp.config("yamlls", {{
     settings = {{ yaml = {{ schemas = {{ ["./{FILE}"] = "etc/*.yaml" }} }} }},
   }})

PyCharm, and other IDEs of JetBrains
   Settings | Languages & Frameworks | Schemas and DTDs | JSON Schema Mappings: add one, with {FILE} as its
   file, "JSON Schema version 2020-12" where it is offered, and your files or their directory below. Or write this
   into the first line of each file:

   # $schema: {FILE}
"""


@click.command()
@click.option("--install", is_flag=True, help="Print how editors are told of it, in its place.")
@collector_resting()
def schema(install: bool) -> None:
    """Print the JSON Schema of a configuration: an editor that has it completes keys, explains them, marks mistakes.

    Each key has its meaning and an example. Nothing is written to a file.

    Exits with 0.
    """
    if install:
        click.echo(INSTALLING, nl=False)
        return
    from gateway.config.jsonschema import as_text

    click.echo(as_text(), nl=False)
