import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { type Namespaces, namespaces } from './words.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'shell';
    resources: { [Name in keyof Namespaces]: Namespaces[Name]['en'] };
  }
}

type Language = 'en' | 'zh';
const KEPT_UNDER = 'postrider-language';

function chosenLanguage(): Language {
  const wanted = localStorage.getItem(KEPT_UNDER) ?? navigator.language;
  return wanted.startsWith('zh') ? 'zh' : 'en';
}

function inLanguage(language: Language) {
  return Object.fromEntries(
    Object.entries(namespaces).map(([name, words]) => [name, words[language]]),
  );
}

export async function startWords(): Promise<void> {
  i18next.on('languageChanged', (language) => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  });
  await i18next.use(initReactI18next).init({
    lng: chosenLanguage(),
    defaultNS: 'shell',
    resources: { en: inLanguage('en'), zh: inLanguage('zh') },
    // React escapes by itself.
    interpolation: { escapeValue: false },
  });
}

export function otherLanguage(): void {
  const language: Language = i18next.language === 'zh' ? 'en' : 'zh';
  localStorage.setItem(KEPT_UNDER, language);
  void i18next.changeLanguage(language);
}
