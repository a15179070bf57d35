"""A few texts in five languages, and the bridge that is learned from them."""

from __future__ import annotations

from functools import cache

from kb.bridge import Bridge, WordTable
from kb.bridge.learning import learn_bridge

LANGUAGES = ("ar", "en", "es", "fr", "pt")

# Of each language what is done, and to what; the same in the same place.
_VERBS = {
    "ar": ["افتح", "احذف", "اطبع", "استورد", "اختر"],
    "en": ["Open", "Delete", "Print", "Import", "Choose"],
    "es": ["Abrir", "Eliminar", "Imprimir", "Importar", "Elegir"],
    "fr": ["Ouvrir", "Supprimer", "Imprimer", "Importer", "Choisir"],
    "pt": ["Abrir", "Apagar", "Imprimir", "Importar", "Escolher"],
}
_NOUNS = {
    "ar": ["البيانات", "الخريطة", "التقرير", "لوحة المعلومات", "الوحدة التنظيمية"],
    "en": [
        "the data",
        "the map",
        "the report",
        "the dashboard",
        "the organisation unit",
    ],
    "es": [
        "los datos",
        "el mapa",
        "el informe",
        "el tablero",
        "la unidad organizativa",
    ],
    "fr": [
        "les données",
        "la carte",
        "le rapport",
        "le tableau de bord",
        "l’unité d’organisation",
    ],
    "pt": [
        "os dados",
        "o mapa",
        "o relatório",
        "o painel",
        "a unidade organizacional",
    ],
}
# Parts of the terms by themselves and in other company, and plurals.
_MORE = {
    "ar": [
        *("البيانات", "خرائط", "لوحات المعلومات", "الوحدات التنظيمية"),
        *("اسم الخريطة", "اسم التقرير", "اسم البيانات", "اسم المؤسسة"),
        *("وحدة القياس", "وحدة الوقت", "مجموعة المؤشرات", "مجموعة الخرائط"),
        *("شهر", "اختر شهر", "مدير المؤسسة", "حافة الخريطة", "جدول التقرير"),
    ],
    "en": [
        *("Data", "Maps", "Dashboards", "Organisation units"),
        *("Name of the map", "Name of the report", "Name of the data"),
        *("Name of the organisation", "Unit of measure", "Unit of time"),
        *("Indicator group", "Map group", "Month", "Choose a month"),
        *("Manager of the organisation", "Edge of the map", "Table of the report"),
    ],
    "es": [
        *("Datos", "Mapas", "Tableros", "Unidades organizativas"),
        *("Nombre del mapa", "Nombre del informe", "Nombre de los datos"),
        *("Nombre de la organización", "Unidad de medida", "Unidad de tiempo"),
        *("Grupo de indicadores", "Grupo de mapas", "Mes", "Elegir un mes"),
        *("Gerente de la organización", "Borde del mapa", "Tabla del informe"),
    ],
    "fr": [
        *("Données", "Cartes", "Tableaux de bord", "Unités d'organisation"),
        *("Nom de la carte", "Nom du rapport", "Nom des données"),
        *("Nom de l'organisation", "Unité de mesure", "Unité de temps"),
        *("Groupe d'indicateurs", "Groupe de cartes", "Mois", "Choisir un mois"),
        *("Responsable de l'organisation", "Bord de la carte", "Tableau du rapport"),
    ],
    "pt": [
        *("Dados", "Mapas", "Painéis", "Unidades organizacionais"),
        *("Nome do mapa", "Nome do relatório", "Nome dos dados"),
        *("Nome da organização", "Unidade de medida", "Unidade de tempo"),
        *("Grupo de indicadores", "Grupo de mapas", "Mês", "Escolher um mês"),
        *("Gerente da organização", "Borda do mapa", "Tabela do relatório"),
    ],
}


def texts(source: str, target: str) -> list[tuple[str, str]]:
    """All that is said in both languages."""
    return list(zip(_said(source), _said(target), strict=True))


def _said(language: str) -> list[str]:
    phrases = [f"{v} {n}" for v in _VERBS[language] for n in _NOUNS[language]]
    return [*phrases, *_MORE[language]]


@cache
def bridge() -> Bridge:
    """Between all of the languages and English."""
    return learn_bridge({("en", o): texts("en", o) for o in LANGUAGES if o != "en"})


def table(source: str, target: str) -> WordTable:
    found = bridge().table(source, target)
    assert found is not None
    return found
