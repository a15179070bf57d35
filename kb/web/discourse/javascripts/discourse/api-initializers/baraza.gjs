import { modifier } from "ember-modifier";
import { apiInitializer } from "discourse/lib/api";
import { i18n } from "discourse-i18n";
import Panel, { draftOf } from "../lib/baraza-panel";

// By the element that Ember makes and takes away with the composer.
const panels = new WeakMap();

function panelIn(element) {
  if (!panels.has(element)) {
    const words = (key, options) => i18n(themePrefix(`baraza.${key}`), options);
    panels.set(element, new Panel(element, settings, words));
  }
  return panels.get(element);
}

// Run again whenever one of the values changes that stand in the template below.
const follow = modifier((element, [model]) => {
  panelIn(element).write(draftOf(model, settings.before_category));
});

const leave = modifier((element) => () => panels.get(element)?.close());

export default apiInitializer((api) => {
  api.renderInOutlet(
    "composer-after-composer-editor",
    <template>
      <div
        class="baraza-place"
        {{leave}}
        {{follow
          @outletArgs.model
          @outletArgs.model.title
          @outletArgs.model.reply
          @outletArgs.model.action
          @outletArgs.model.categoryId
        }}
      ></div>
    </template>
  );
});
