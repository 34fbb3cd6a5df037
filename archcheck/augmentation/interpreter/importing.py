"""What imports do."""

from __future__ import annotations

import ast

from archcheck.augmentation.interpreter.arithmetic import NotKnown
from archcheck.augmentation.interpreter.assignments import Assignments
from archcheck.augmentation.interpreter.values import (
    UNREAD,
    Left,
    Module,
    Raised,
    Scope,
    Value,
)
from archcheck.augmentation.library import is_foreign


class Importing(Assignments):
    """Imports files of the project, and names of other projects."""

    def imported(self, file: str) -> Module:
        module = self.modules.get(file)
        if module is None:
            module = self.modules[file] = Module(Scope(file))
            is_script = file == self.project.script
            module.scope.names["__name__"] = "__main__" if is_script else "module"
            tree = self.project.trees.get(file)
            if tree is None:
                module.scope.everything_of.append(UNREAD)
            else:
                self._run_file(tree, module.scope)
        return module

    def _run_file(self, tree: ast.Module, scope: Scope) -> None:
        is_other = scope.file != self.project.script
        stack, self.stack = self.stack, []
        self.importing += is_other
        try:
            self.execute(tree.body, scope)
        except (Raised, Left):
            return
        finally:
            self.stack = stack
            self.importing -= is_other

    def import_modules(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            top = alias.name.partition(".")[0]
            meant = alias.name if alias.asname else top
            file = self.project.find(alias.name, 0, scope.file)
            named = alias.asname or top
            if not alias.asname and file and "." in alias.name:
                self.imported(file)
                file = self.project.find(top, 0, scope.file)
            if file:
                scope.names[named] = self.imported(file)
            elif folder := self.project.folder(meant, 0, scope.file):
                scope.names[named] = Module(Scope(str(folder / "__init__.py")))
            else:
                scope.names[named] = self._foreign(meant, meant)

    def _foreign(self, module: str, dotted: str) -> Value:
        """What another project's module holds; not known if there may be no such project."""
        if is_foreign(module):
            return self.named(dotted)
        return self.unknown(f"the module {module} is not there")

    def import_names(self, node: ast.ImportFrom, scope: Scope) -> None:
        module = node.module or ""
        file = self.project.find(module, node.level, scope.file)
        for alias in node.names:
            named = alias.asname or alias.name
            if alias.name == "*":
                self._everything(module, file, scope)
            elif file and file != scope.file:
                found = self.imported(file)
                scope.names[named] = self._from_module(found, alias.name, named)
            else:
                scope.names[named] = self._from_elsewhere(module, node.level, alias.name, scope)

    def _from_module(self, module: Module, name: str, named: str) -> Value:
        try:
            return self.member(module, name)
        except NotKnown:
            return self.unknown(f"{named} is not defined in {module.scope.file}")

    def _from_elsewhere(self, module: str, level: int, name: str, scope: Scope) -> Value:
        inside = ".".join(part for part in (module, name) if part)
        file = self.project.find(inside, level, scope.file)
        if file:
            return self.imported(file)
        if level:
            return self.unknown(f"{'.' * level}{module} is not there")
        return self._foreign(module, f"{module}.{name}")

    def _everything(self, module: str, file: str, scope: Scope) -> None:
        if not file:
            scope.module.everything_of.append(module if is_foreign(module) else UNREAD)
            return
        inner = self.imported(file).scope
        scope.names.update(
            {name: value for name, value in inner.names.items() if not name.startswith("_")}
        )
        scope.module.everything_of += inner.everything_of
