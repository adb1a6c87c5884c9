// What opens over a page: a menu under its button, a dialog in the middle. Escape closes both, and what was focused
// has the focus again.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export function Menu({ label, name, children }: { label: string; name: string; children: ComponentChildren }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent) => {
      if (!box.current?.contains(event.target as globalThis.Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    box.current?.querySelector<HTMLElement>(".menu input, .menu a, .menu button")?.focus();
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div class="menu-box" ref={box} onKeyDown={onKey}>
      <button type="button" class="button" ref={button} aria-expanded={open} aria-haspopup="dialog" data-menu={name} onClick={() => setOpen(!open)}>
        {label} <i class="caret" aria-hidden="true" />
      </button>
      {open && <div class="menu" role="dialog" aria-label={label}>{children}</div>}
    </div>
  );
}

export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current!;
    element.showModal();
    return () => element.close();
  }, []);
  return (
    <dialog ref={dialog} class="dialog" aria-label={title} onCancel={(event) => { event.preventDefault(); onClose(); }} onClick={(event) => { if (event.target === dialog.current) onClose(); }}>
      <div class="dialog-in">
        <h2>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}
